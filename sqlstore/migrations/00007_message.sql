-- Messages to users, and the templates that they are made of.

-- +goose Up

CREATE TABLE message (
	realm     TEXT   NOT NULL,
	id        TEXT   NOT NULL, -- grows with time
	userid    TEXT   NOT NULL, -- as addressed
	appid     TEXT   NOT NULL, -- where it goes
	openid    TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	template  TEXT   NOT NULL, -- '' of a customer-service message
	batch     TEXT   NOT NULL, -- '' if it was sent alone
	maker     TEXT   NOT NULL, -- who sent it
	client_id TEXT   NOT NULL, -- his name for it, '' if none
	state     TEXT   NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'blocked', 'failed', 'dropped', 'cancelled')),
	reason    TEXT   NOT NULL DEFAULT '',
	detail    TEXT   NOT NULL DEFAULT '', -- WeChat's sentence
	msgid     BIGINT NOT NULL DEFAULT 0,  -- WeChat's number
	tries     BIGINT NOT NULL DEFAULT 0,
	round     BIGINT NOT NULL DEFAULT 0,  -- how often it was queued again under a new id towards WeChat
	bulk      BIGINT NOT NULL,            -- 1: of a batch, behind those that were sent alone
	made_at   BIGINT NOT NULL,
	due_at    BIGINT NOT NULL,            -- when it was wanted to go
	next_at   BIGINT NOT NULL,            -- not before; while held: when the holder counts as dead
	sent_at   BIGINT,
	ended_at  BIGINT,                     -- null while queued
	unsure_at BIGINT,                     -- the first attempt of which nobody knows how it ended
	holder    TEXT   NOT NULL DEFAULT '', -- who is at it
	sealed    BYTEA,                      -- the content; null after it was swept
	PRIMARY KEY (realm, id)
);
CREATE UNIQUE INDEX message_client ON message (realm, maker, client_id) WHERE client_id <> '';
CREATE INDEX message_due ON message (appid, kind, bulk, next_at) WHERE state = 'queued';
CREATE INDEX message_msgid ON message (appid, msgid) WHERE msgid <> 0;
CREATE INDEX message_state ON message (realm, state, id);
CREATE INDEX message_userid ON message (realm, userid, id);
CREATE INDEX message_appid ON message (realm, appid, id);
CREATE INDEX message_batch ON message (realm, batch, id) WHERE batch <> '';
CREATE INDEX message_ended ON message (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX message_content ON message (ended_at) WHERE sealed IS NOT NULL;

-- Results that came before their message was known to be sent, or for messages that
-- another system has sent with the same account. They are kept for a day.
CREATE TABLE message_result (
	appid  TEXT   NOT NULL,
	msgid  BIGINT NOT NULL,
	status TEXT   NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (appid, msgid)
);
CREATE INDEX message_result_at ON message_result (at);

-- The accounts and kinds of messages that there ever were, and until when they are left
-- alone.
CREATE TABLE message_lane (
	appid    TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	until_at BIGINT NOT NULL DEFAULT 0,
	reason   TEXT   NOT NULL DEFAULT '',
	detail   TEXT   NOT NULL DEFAULT '',
	times    BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (appid, kind)
);
CREATE INDEX message_lane_until ON message_lane (until_at);

CREATE TABLE message_template (
	appid      TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	title      TEXT   NOT NULL,
	content    TEXT   NOT NULL, -- with {{thing4.DATA}}: which fields there are follows from it
	example    TEXT   NOT NULL,
	industry   TEXT   NOT NULL,
	approved   TEXT   NOT NULL DEFAULT '{}', -- JSON: by field, the values that it may have
	removed_at BIGINT,          -- WeChat no longer lists it
	PRIMARY KEY (appid, id)
);

-- When WeChat last listed an account's templates.
CREATE TABLE message_sync (
	appid TEXT   NOT NULL PRIMARY KEY,
	at    BIGINT NOT NULL
);
