-- The facts as version 1 of the schema left them, dumped. Never change this file.

CREATE TABLE schema_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);

CREATE TABLE userid (
	realm       TEXT   NOT NULL,            -- the company's user-id space
	id          TEXT   NOT NULL,
	kind        TEXT   NOT NULL CHECK (kind IN ('virtual', 'real')),
	born        BIGINT NOT NULL,            -- never changes: of two virtual ids the older survives
	home_appid  TEXT   NOT NULL DEFAULT '', -- the openid that a guest id was derived from, or ''
	home_openid TEXT   NOT NULL DEFAULT '',
	parent      TEXT,                       -- whom this id was retired into; NULL while it is live
	retired_at  BIGINT,
	version     BIGINT NOT NULL,
	PRIMARY KEY (realm, id),
	FOREIGN KEY (realm, parent) REFERENCES userid (realm, id)
);

CREATE INDEX userid_parent ON userid (realm, parent, retired_at);

CREATE TABLE union_key (
	realm   TEXT   NOT NULL,
	subject TEXT   NOT NULL, -- the open-platform account that the unionid belongs to
	unionid TEXT   NOT NULL,
	userid  TEXT   NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (realm, subject, unionid),
	-- Invariant I2 itself: a user serves at most one unionid of a subject.
	UNIQUE (realm, subject, userid),
	FOREIGN KEY (realm, userid) REFERENCES userid (realm, id)
);

CREATE TABLE openid_key (
	realm   TEXT   NOT NULL,
	appid   TEXT   NOT NULL, -- an openid means nothing without its account
	openid  TEXT   NOT NULL,
	subject TEXT   NOT NULL DEFAULT '', -- with unionid: written once, '' for a guest
	unionid TEXT   NOT NULL DEFAULT '',
	gen     BIGINT NOT NULL,            -- how many guest ids were handed over
	guest   TEXT   NOT NULL DEFAULT '', -- the guest id issued at gen, or ''
	issued  BIGINT,
	version BIGINT NOT NULL,
	PRIMARY KEY (realm, appid, openid)
);

CREATE UNIQUE INDEX openid_key_guest ON openid_key (realm, guest) WHERE guest <> '';

CREATE TABLE event (
	realm   TEXT   NOT NULL,
	seq     BIGINT NOT NULL, -- from counter: in the order of commits, without gaps
	id      TEXT   NOT NULL, -- lets a consumer skip what it has seen
	type    TEXT   NOT NULL,
	old_id  TEXT   NOT NULL,
	new_id  TEXT   NOT NULL,
	via     TEXT   NOT NULL,
	cause   TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	appid   TEXT   NOT NULL,
	at      BIGINT NOT NULL,
	trace   TEXT   NOT NULL,
	PRIMARY KEY (realm, seq),
	UNIQUE (realm, id)
);

CREATE TABLE conflict (
	realm   TEXT   NOT NULL,
	seq     BIGINT NOT NULL, -- from counter
	code    TEXT   NOT NULL,
	appid   TEXT   NOT NULL,
	openid  TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	have    TEXT   NOT NULL, -- the unionid on record
	got     TEXT   NOT NULL, -- the unionid claimed
	at      BIGINT NOT NULL,
	PRIMARY KEY (realm, seq),
	UNIQUE (realm, appid, openid, code, got)
);

CREATE TABLE stale (
	seq   BIGINT NOT NULL PRIMARY KEY, -- from counter: a gap tells a reader that he has slept too long
	kind  TEXT   NOT NULL CHECK (kind IN ('user', 'session', 'secret')),
	realm TEXT   NOT NULL, -- of a user, else ''
	name  TEXT   NOT NULL, -- user id, session id, or name of a secret
	at    BIGINT NOT NULL
);

CREATE TABLE revocation (
	session  TEXT   NOT NULL PRIMARY KEY,
	from_at  BIGINT NOT NULL, -- refused from this moment
	until_at BIGINT NOT NULL  -- over by itself: the row can be forgotten
);

CREATE TABLE secret (
	name    TEXT   NOT NULL PRIMARY KEY,
	sealed  BYTEA  NOT NULL,
	version BIGINT NOT NULL
);

CREATE TABLE account (
	appid   TEXT NOT NULL PRIMARY KEY,
	subject TEXT NOT NULL
);

CREATE TABLE counter (
	name TEXT   NOT NULL PRIMARY KEY, -- event/<realm>, conflict/<realm>, stale
	last BIGINT NOT NULL
);

INSERT INTO schema_version VALUES (1, 0, 1, '2026-01-01 00:00:00');
INSERT INTO schema_version VALUES (2, 1, 1, '2026-01-01 00:00:00');
INSERT INTO userid VALUES ('shop', 'r1', 'real', 1000000, '', '', NULL, NULL, 1);
INSERT INTO userid VALUES ('shop', 'r1-old', 'virtual', 1000000, '', '', 'r1', 1000000, 1);
INSERT INTO union_key VALUES ('shop', 'open1', 'n1', 'r1', 1);
INSERT INTO openid_key VALUES ('shop', 'wx1', 'o1', 'open1', 'n1', 0, 'r1-old', 1000000, 1);
INSERT INTO event VALUES ('shop', 1, 'r1-old.first', 'userid.replaced', 'r1-old', 'r1', '', '', '', '', 1000000, '');
INSERT INTO conflict VALUES ('shop', 1, 'unionid_mismatch', 'wx1', 'o1', 'open1', 'n1', 'n2', 1000000);
INSERT INTO stale VALUES (1, 'user', 'shop', 'r1-old', 1000000);
INSERT INTO stale VALUES (2, 'secret', '', 'key/shop', 1000000);
INSERT INTO stale VALUES (3, 'session', '', 's1', 1000000);
INSERT INTO revocation VALUES ('s1', 1000000, 4000000000000000);
INSERT INTO secret VALUES ('key/shop', X'010203', 1);
INSERT INTO account VALUES ('wx1', 'open1');
INSERT INTO counter VALUES ('event/shop', 1);
INSERT INTO counter VALUES ('conflict/shop', 1);
INSERT INTO counter VALUES ('stale', 3);
