-- Which payments of a milestone became credit at once is told by the postings of that credit, by payment.
alter table milestones drop column credited;
