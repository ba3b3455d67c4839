-- Who works with the console, their sessions, and what they did.

-- +goose Up

CREATE TABLE console_staff (
	name        TEXT   NOT NULL PRIMARY KEY,
	role        TEXT   NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
	password    TEXT   NOT NULL, -- argon2id; '' until he has chosen one
	made_at     BIGINT NOT NULL,
	disabled_at BIGINT
);

CREATE TABLE console_invitation (
	hash    BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of a code of 32 random bytes
	staff   TEXT   NOT NULL,             -- '' for the first administrator
	expires BIGINT NOT NULL
);

CREATE TABLE console_session (
	id      TEXT   NOT NULL PRIMARY KEY,
	hash    BYTEA  NOT NULL UNIQUE, -- SHA-256 of a token of 32 random bytes
	staff   TEXT   NOT NULL,
	made_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL, -- written once a minute at most
	address TEXT   NOT NULL,
	browser TEXT   NOT NULL
);
CREATE INDEX console_session_staff ON console_session (staff, made_at);

-- Nothing is taken away here.
CREATE TABLE console_journal (
	seq     BIGINT NOT NULL PRIMARY KEY,
	at      BIGINT NOT NULL,
	staff   TEXT   NOT NULL,
	what    TEXT   NOT NULL,
	about   TEXT   NOT NULL,
	address TEXT   NOT NULL,
	result  TEXT   NOT NULL -- '' while it is under way
);
