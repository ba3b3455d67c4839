-- How far each line of business is with the events of its realm.

-- +goose Up

-- A row stays when the line is taken out of the configuration: put back, it goes on
-- where it was.
CREATE TABLE outbox_line (
	realm    TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	reached  BIGINT NOT NULL, -- events up to this seq were delivered or parked
	tries    BIGINT NOT NULL DEFAULT 0, -- how often in a row nobody answered
	since    BIGINT,
	next_at  BIGINT,          -- left alone until then
	error    TEXT   NOT NULL DEFAULT '', -- code of the last failure
	holder   TEXT   NOT NULL DEFAULT '', -- the relay that delivers to it
	until_at BIGINT NOT NULL DEFAULT 0,  -- ... and for how long it may
	PRIMARY KEY (realm, name)
);

-- Events that a line hasn't taken, and those behind them about the same users.
CREATE TABLE outbox_parked (
	realm   TEXT   NOT NULL,
	line    TEXT   NOT NULL,
	seq     BIGINT NOT NULL,
	old_id  TEXT   NOT NULL, -- the event's, again: whom it keeps waiting
	new_id  TEXT   NOT NULL, -- ... or old_id if it has none
	tries   BIGINT NOT NULL,
	since   BIGINT,          -- the first try
	next_at BIGINT NOT NULL,
	error   TEXT   NOT NULL,
	dead    BIGINT NOT NULL, -- 1: not sent again until somebody asks for it
	PRIMARY KEY (realm, line, seq)
);
CREATE INDEX outbox_parked_due ON outbox_parked (realm, line, dead, next_at);
CREATE INDEX outbox_parked_old ON outbox_parked (realm, line, old_id);
CREATE INDEX outbox_parked_new ON outbox_parked (realm, line, new_id);
