-- The facts of the identity centre. The text is read by SQLite and PostgreSQL
-- alike: times are BIGINT microseconds since 1970 in UTC, keys are TEXT, and
-- SQLite takes the type name BYTEA as it takes any, and keeps the bytes.
--
-- Every row that a decision depends on has a version, which counts its writes:
-- a change names the version that it was decided on, and loses if it is gone.

-- +goose Up

-- Who exists. A row is never removed: a retired id forwards for ever.
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

-- Finds the ids lately retired into a user, for the prev claim of his token.
CREATE INDEX userid_parent ON userid (realm, parent, retired_at);

-- Which live user a unionid leads to. It always names the live one, so that
-- finding him is one step.
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

-- What is known of an openid. When it was last seen is not kept: a returning
-- login must cause no write.
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

-- Finds the openid that a guest id without a row in userid was issued for. No
-- guest id is issued twice.
CREATE UNIQUE INDEX openid_key_guest ON openid_key (realm, guest) WHERE guest <> '';

-- What the lines of business must hear, written with what made it happen.
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

-- Contradictions that a person has to look at, each listed once.
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

-- What caches must forget. Entries are swept after an hour.
CREATE TABLE stale (
	seq   BIGINT NOT NULL PRIMARY KEY, -- from counter: a gap tells a reader that he has slept too long
	kind  TEXT   NOT NULL CHECK (kind IN ('user', 'session', 'secret')),
	realm TEXT   NOT NULL, -- of a user, else ''
	name  TEXT   NOT NULL, -- user id, session id, or name of a secret
	at    BIGINT NOT NULL
);

-- Sessions that ended before their time.
CREATE TABLE revocation (
	session  TEXT   NOT NULL PRIMARY KEY,
	from_at  BIGINT NOT NULL, -- refused from this moment
	until_at BIGINT NOT NULL  -- over by itself: the row can be forgotten
);

-- Sealed bytes with a name, such as a realm's guest key.
CREATE TABLE secret (
	name    TEXT   NOT NULL PRIMARY KEY,
	sealed  BYTEA  NOT NULL,
	version BIGINT NOT NULL
);

-- Which subject an account was first seen with. Changing it would make every
-- unionid of the account another person's.
CREATE TABLE account (
	appid   TEXT NOT NULL PRIMARY KEY,
	subject TEXT NOT NULL
);

-- Sequences. The row of one is locked from its use to the commit, so that
-- numbers become visible in their order: a reader who asks for what came after
-- the last number that he saw misses nothing.
CREATE TABLE counter (
	name TEXT   NOT NULL PRIMARY KEY, -- event/<realm>, conflict/<realm>, stale
	last BIGINT NOT NULL
);

-- There is no way down: facts are never unlearnt. Going back to an older version
-- means restoring the backup made before the update.
