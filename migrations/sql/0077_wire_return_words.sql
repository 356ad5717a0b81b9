-- That a wire which our bank may have came back makes money of it again: two of our people say so, each by themselves.
alter table wire_lines
    add column return_said_by uuid references users (id);
