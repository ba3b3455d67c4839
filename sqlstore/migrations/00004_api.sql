-- Who may use the HTTP API, and what was answered to calls that may be repeated.

-- +goose Up

-- A revoked key stays, since the audit names it.
CREATE TABLE api_key (
	id         TEXT   NOT NULL PRIMARY KEY,
	realm      TEXT   NOT NULL, -- '*' for all
	name       TEXT   NOT NULL,
	scopes     TEXT   NOT NULL, -- separated by blanks
	sites      TEXT   NOT NULL, -- separated by blanks; '' for all of the realm
	hash       BYTEA  NOT NULL, -- SHA-256 of the secret, which is 32 random bytes
	made_at    BIGINT NOT NULL,
	revoked_at BIGINT,
	used_at    BIGINT           -- written once an hour at most
);

-- Answers are forgotten after a day.
CREATE TABLE idempotency (
	key_id      TEXT   NOT NULL,
	idem        TEXT   NOT NULL, -- the caller's name for the call
	fingerprint BYTEA  NOT NULL, -- digest of the request
	status      BIGINT NOT NULL, -- 0 while the call is under way
	body        BYTEA  NOT NULL, -- user ids at most; never an openid, a token or a key
	at          BIGINT NOT NULL,
	PRIMARY KEY (key_id, idem)
);
CREATE INDEX idempotency_at ON idempotency (at);
