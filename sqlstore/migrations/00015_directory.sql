-- Accounts and sites that are kept here, not in the Caddyfile.

-- +goose Up

CREATE TABLE directory_account (
	appid   TEXT   NOT NULL PRIMARY KEY,
	entry   TEXT   NOT NULL, -- JSON, without what proves the account
	sealed  BYTEA  NOT NULL, -- what proves it
	version BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	by_whom TEXT   NOT NULL
);

CREATE TABLE directory_site (
	ptid      TEXT   NOT NULL PRIMARY KEY,
	place     TEXT   NOT NULL UNIQUE, -- ptid in hexadecimal, which all databases order alike
	realm     TEXT   NOT NULL,
	audience  TEXT   NOT NULL UNIQUE, -- one site's tokens are nothing to another
	algorithm TEXT   NOT NULL,        -- '' for the app's
	search    TEXT   NOT NULL,        -- ptid, audience and hosts, in lower case
	entry     TEXT   NOT NULL,        -- JSON
	version   BIGINT NOT NULL,
	at        BIGINT NOT NULL,
	by_whom   TEXT   NOT NULL
);

CREATE TABLE directory_opened (
	appid TEXT NOT NULL,
	realm TEXT NOT NULL,
	ptid  TEXT NOT NULL,
	PRIMARY KEY (appid, realm, ptid)
);
CREATE INDEX directory_opened_site ON directory_opened (ptid);

CREATE TABLE directory_host (
	host TEXT NOT NULL,
	ptid TEXT NOT NULL,
	PRIMARY KEY (host, ptid)
);
CREATE INDEX directory_host_site ON directory_host (ptid);

-- The same table again, with two more kinds of entries, as when cutoffs came.
CREATE TABLE forgotten (
	seq   BIGINT NOT NULL PRIMARY KEY, -- from counter: a gap tells a reader that he has slept too long
	kind  TEXT   NOT NULL CHECK (kind IN ('user', 'session', 'secret', 'cutoff', 'account', 'site')),
	realm TEXT   NOT NULL, -- of a user or a cutoff, else ''
	name  TEXT   NOT NULL, -- user id, session id, name of a secret, kind of a cutoff, app id, or ptid
	at    BIGINT NOT NULL
);
INSERT INTO forgotten (seq, kind, realm, name, at) SELECT seq, kind, realm, name, at FROM stale;
DROP TABLE stale;
ALTER TABLE forgotten RENAME TO stale;
