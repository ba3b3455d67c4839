-- Merchants, the codes that bind them to WeChat, who is bound, and the notices to them.

-- +goose Up

CREATE TABLE merchant (
	realm      TEXT   NOT NULL,
	id         TEXT   NOT NULL, -- the platform's
	name       TEXT   NOT NULL,
	login      TEXT   NOT NULL,
	contact    TEXT   NOT NULL,
	phone      TEXT   NOT NULL,
	status     TEXT   NOT NULL CHECK (status IN ('normal', 'disabled')),
	persons    BIGINT NOT NULL, -- how many may be bound at each account
	userid     TEXT   NOT NULL, -- his own in the realm, '' if none
	sites      TEXT   NOT NULL, -- that he owns, with blanks between
	registered BIGINT,
	last_login BIGINT,
	made_at    BIGINT NOT NULL,
	version    BIGINT NOT NULL,
	search     TEXT   NOT NULL, -- all that is searched, in small letters
	bound      BIGINT NOT NULL DEFAULT 0, -- 1: somebody is, so that the others can come first
	PRIMARY KEY (realm, id)
);
-- The list in its order, with all that it is filtered by: a search reads this alone.
CREATE INDEX merchant_list ON merchant (realm, bound, id, status, search);

CREATE TABLE merchant_binding (
	realm    TEXT   NOT NULL,
	merchant TEXT   NOT NULL,
	appid    TEXT   NOT NULL,
	slot     BIGINT NOT NULL, -- from 0
	openid   TEXT   NOT NULL,
	userid   TEXT   NOT NULL, -- whom notices are addressed to; '' while reserved
	code     TEXT   NOT NULL, -- by which he was bound
	bound_at BIGINT NOT NULL,
	PRIMARY KEY (realm, merchant, appid, slot)
);
CREATE UNIQUE INDEX merchant_binding_openid ON merchant_binding (appid, openid, realm);
CREATE INDEX merchant_binding_appid ON merchant_binding (realm, appid, merchant);
CREATE INDEX merchant_binding_userid ON merchant_binding (realm, userid) WHERE userid <> '';

CREATE TABLE merchant_code (
	realm      TEXT   NOT NULL,
	id         TEXT   NOT NULL, -- of the QR code
	merchant   TEXT   NOT NULL,
	appid      TEXT   NOT NULL,
	state      TEXT   NOT NULL CHECK (state IN ('waiting', 'scanned', 'bound', 'refused', 'expired', 'superseded', 'cancelled')),
	reason     TEXT   NOT NULL DEFAULT '',
	maker      TEXT   NOT NULL,
	made_at    BIGINT NOT NULL,
	expires    BIGINT NOT NULL,
	openid     TEXT   NOT NULL DEFAULT '', -- who scanned it
	event      TEXT   NOT NULL DEFAULT '', -- ... and by which event
	slot       BIGINT NOT NULL DEFAULT 0,  -- that was reserved
	scanned_at BIGINT,
	ended_at   BIGINT,
	version    BIGINT NOT NULL,
	PRIMARY KEY (realm, id)
);
CREATE UNIQUE INDEX merchant_code_waiting ON merchant_code (realm, merchant, appid) WHERE state = 'waiting';
CREATE INDEX merchant_code_merchant ON merchant_code (realm, merchant, id);
CREATE INDEX merchant_code_openid ON merchant_code (appid, openid) WHERE openid <> '';
CREATE INDEX merchant_code_made ON merchant_code (made_at);

CREATE TABLE merchant_event (
	realm    TEXT   NOT NULL,
	seq      BIGINT NOT NULL,
	merchant TEXT   NOT NULL, -- '' of a notice
	at       BIGINT NOT NULL,
	actor    TEXT   NOT NULL,
	what     TEXT   NOT NULL,
	detail   TEXT   NOT NULL, -- JSON
	PRIMARY KEY (realm, seq)
);
CREATE INDEX merchant_event_merchant ON merchant_event (realm, merchant, seq);

CREATE TABLE merchant_notice (
	realm     TEXT   NOT NULL,
	id        TEXT   NOT NULL, -- grows with time
	appid     TEXT   NOT NULL,
	template  TEXT   NOT NULL,
	title     TEXT   NOT NULL,
	maker     TEXT   NOT NULL,
	client_id TEXT   NOT NULL, -- his name for it, '' if none
	made_at   BIGINT NOT NULL,
	due_at    BIGINT NOT NULL,
	everybody BIGINT NOT NULL, -- 1: who is bound has yet to be collected
	filled    BIGINT NOT NULL DEFAULT 0, -- 1: its messages are in the outbox
	cancelled BIGINT,
	sealed    BYTEA  NOT NULL, -- what it says
	PRIMARY KEY (realm, id)
);
CREATE UNIQUE INDEX merchant_notice_client ON merchant_notice (realm, maker, client_id) WHERE client_id <> '';
CREATE INDEX merchant_notice_open ON merchant_notice (made_at) WHERE filled = 0 AND cancelled IS NULL;
CREATE INDEX merchant_notice_made ON merchant_notice (made_at);

-- What became of a recipient's message is in the table of messages, under client_id.
CREATE TABLE merchant_recipient (
	notice    TEXT   NOT NULL,
	merchant  TEXT   NOT NULL,
	slot      BIGINT NOT NULL, -- -1 if nobody is bound
	realm     TEXT   NOT NULL,
	appid     TEXT   NOT NULL,
	userid    TEXT   NOT NULL, -- '' if nobody, or erased
	client_id TEXT   NOT NULL,
	fault     TEXT   NOT NULL DEFAULT '', -- why he gets nothing
	field     TEXT   NOT NULL DEFAULT '',
	PRIMARY KEY (notice, merchant, slot)
);
CREATE INDEX merchant_recipient_merchant ON merchant_recipient (realm, merchant, slot);
CREATE INDEX merchant_recipient_userid ON merchant_recipient (realm, userid) WHERE userid <> '';
