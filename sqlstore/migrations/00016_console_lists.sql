-- What the lists of the console find their rows by.

-- +goose Up

CREATE INDEX message_kind ON message (realm, kind, id);
CREATE INDEX inbox_push_log ON inbox_push (appid, seq);
CREATE INDEX inbox_task_dead ON inbox_task (appid, target, seq) WHERE dead = 1;
CREATE INDEX audit_at ON audit (realm, at);
CREATE INDEX console_journal_staff ON console_journal (staff, seq);
CREATE INDEX console_journal_what ON console_journal (what, seq);
