-- A tax form that lapses holds the contracts of its freelancer: whoever gave one before that was so has a timer, too.
-- Days to certify anew after a move are those of the first policy.
insert into timers (kind, subject, due_at)
select 'remind_tax_form', form.user_id,
    least(form.lapses_on + 1, (gone.withdrawn_at at time zone 'utc')::date + 31)::timestamp at time zone 'utc'
from tax_forms form
join users person on person.id = form.user_id and person.erased_at is null
left join tax_form_withdrawals gone on gone.user_id = form.user_id and gone.number = form.number
where form.number = (select max(number) from tax_forms other where other.user_id = form.user_id)
on conflict (kind, subject) do update set due_at = excluded.due_at where excluded.due_at < timers.due_at;
