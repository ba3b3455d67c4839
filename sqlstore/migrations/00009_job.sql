-- Background jobs: what is to be done, how far it is, and what could not be done.

-- +goose Up

CREATE TABLE job (
	id       TEXT   NOT NULL PRIMARY KEY,
	kind     TEXT   NOT NULL,
	appid    TEXT   NOT NULL,
	params   TEXT   NOT NULL, -- JSON: what the kind wants to know beside the account
	state    TEXT   NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
	fence    BIGINT NOT NULL, -- grows whenever a process takes the job: progress is written under it alone
	due_at   BIGINT NOT NULL, -- left alone until then
	why      TEXT   NOT NULL DEFAULT '', -- code: why it waits or has failed
	error    TEXT   NOT NULL DEFAULT '', -- the sentence to it
	cursor_at TEXT  NOT NULL DEFAULT '', -- how far it is, in the words of its kind
	done     BIGINT NOT NULL DEFAULT 0,
	total    BIGINT NOT NULL DEFAULT 0,
	filled   BIGINT NOT NULL DEFAULT 0,
	problems BIGINT NOT NULL DEFAULT 0,
	tries    BIGINT NOT NULL DEFAULT 0, -- failures since something was done
	worked   BIGINT NOT NULL DEFAULT 0, -- microseconds
	started  BIGINT NOT NULL,
	updated  BIGINT NOT NULL,
	ended    BIGINT,
	by_whom  TEXT   NOT NULL
);

-- One of a kind at a time for an account.
CREATE UNIQUE INDEX job_open ON job (kind, appid) WHERE ended IS NULL;
CREATE INDEX job_due ON job (due_at) WHERE ended IS NULL;
CREATE INDEX job_started ON job (started, id);
CREATE INDEX job_account ON job (appid, started, id);

-- The first rows that a job could not do. They are named as a log may name them.
CREATE TABLE job_problem (
	job     TEXT   NOT NULL,
	seq     BIGINT NOT NULL,
	item    TEXT   NOT NULL,
	code    TEXT   NOT NULL,
	message TEXT   NOT NULL,
	PRIMARY KEY (job, seq)
);
