-- Juneteenth of 2027 is a Saturday, for which the Federal Reserve does not close on the Friday before.
delete from bank_holidays where country = 'US' and day = '2027-06-18' and name = 'Juneteenth';
