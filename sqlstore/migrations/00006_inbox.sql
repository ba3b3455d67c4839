-- What WeChat pushes to accounts until it is handed on, and who follows which account.

-- +goose Up

-- A push stays some days after it was handed on, so that WeChat's retries, and whoever
-- sends it again, find its key.
CREATE TABLE inbox_push (
	seq     BIGINT NOT NULL PRIMARY KEY, -- in the order in which pushes came
	appid   TEXT   NOT NULL,
	push    TEXT   NOT NULL, -- the key that tells it apart from all others of the account
	openid  TEXT   NOT NULL, -- whom it is about; '' if nobody knows
	kind    TEXT   NOT NULL, -- text, event:subscribe
	at      BIGINT NOT NULL, -- by WeChat's clock
	came_at BIGINT NOT NULL,
	sealed  BYTEA  NOT NULL  -- what WeChat said
);
CREATE UNIQUE INDEX inbox_push_once ON inbox_push (appid, push);
CREATE INDEX inbox_push_openid ON inbox_push (appid, openid);
CREATE INDEX inbox_push_came ON inbox_push (came_at);

-- A push that has yet to be handed on to one target: our own handlers ('') or a
-- subscriber. Those of one visitor that aren't dead are never due before the first of
-- them is.
CREATE TABLE inbox_task (
	seq     BIGINT NOT NULL, -- of the push
	target  TEXT   NOT NULL,
	appid   TEXT   NOT NULL, -- the push's, again
	openid  TEXT   NOT NULL,
	tries   BIGINT NOT NULL DEFAULT 0,
	since   BIGINT,          -- the first failure
	next_at BIGINT NOT NULL,
	error   TEXT   NOT NULL DEFAULT '',
	dead    BIGINT NOT NULL DEFAULT 0, -- 1: not handed on until somebody asks for it
	PRIMARY KEY (seq, target)
);
CREATE INDEX inbox_task_due ON inbox_task (appid, target, dead, next_at, seq);
CREATE INDEX inbox_task_openid ON inbox_task (appid, target, openid, dead, seq);

-- The way to one target.
CREATE TABLE inbox_line (
	appid    TEXT   NOT NULL,
	target   TEXT   NOT NULL,
	due_at   BIGINT NOT NULL, -- when there is something to hand on
	tries    BIGINT NOT NULL DEFAULT 0, -- how often in a row it couldn't be reached
	error    TEXT   NOT NULL DEFAULT '',
	holder   TEXT   NOT NULL DEFAULT '', -- who hands on
	until_at BIGINT NOT NULL DEFAULT 0,  -- ... and for how long he may
	PRIMARY KEY (appid, target)
);
CREATE INDEX inbox_line_due ON inbox_line (due_at);

CREATE TABLE follower (
	appid     TEXT   NOT NULL,
	openid    TEXT   NOT NULL,
	following BIGINT NOT NULL, -- 1 or 0
	at        BIGINT NOT NULL, -- when this was so, by WeChat's clock
	scene     TEXT   NOT NULL, -- how he came to follow
	PRIMARY KEY (appid, openid)
);
CREATE INDEX follower_following ON follower (appid, following);
