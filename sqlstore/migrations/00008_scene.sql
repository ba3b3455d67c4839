-- Parametric QR codes: who made which, what a scan does, and who scanned.

-- +goose Up

CREATE TABLE scene_code (
	realm     TEXT   NOT NULL,
	id        TEXT   NOT NULL, -- grows with time
	appid     TEXT   NOT NULL,
	mark      BYTEA  NOT NULL, -- SHA-256 of appid and scene
	scene     TEXT   NOT NULL, -- '' of a secret one, as are ticket and url
	ticket    TEXT   NOT NULL,
	url       TEXT   NOT NULL,
	purpose   TEXT   NOT NULL,
	ref       TEXT   NOT NULL, -- whom or what it is about
	maker     TEXT   NOT NULL,
	permanent BIGINT NOT NULL, -- 1: never swept, for it counts
	secret    BIGINT NOT NULL,
	single    BIGINT NOT NULL, -- 1: spent with the first scan
	made_at   BIGINT NOT NULL,
	expires   BIGINT,          -- null if permanent
	revoked   BIGINT,
	used_at   BIGINT,          -- of a single one
	used_by   TEXT   NOT NULL DEFAULT '', -- the event that spent it
	scans     BIGINT NOT NULL DEFAULT 0,
	last_scan BIGINT,
	PRIMARY KEY (realm, id)
);
CREATE UNIQUE INDEX scene_code_mark ON scene_code (mark);
CREATE INDEX scene_code_purpose ON scene_code (realm, purpose, id);
CREATE INDEX scene_code_ref ON scene_code (realm, purpose, ref, id);
CREATE INDEX scene_code_expires ON scene_code (expires) WHERE expires IS NOT NULL;

-- The newest scans of each code.
CREATE TABLE scene_scan (
	code     TEXT   NOT NULL,
	seq      BIGINT NOT NULL, -- counts the code's scans
	event    TEXT   NOT NULL, -- names the event
	appid    TEXT   NOT NULL,
	openid   TEXT   NOT NULL, -- '' after it was erased
	followed BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	outcome  TEXT   NOT NULL,
	done     BIGINT NOT NULL DEFAULT 0, -- 1: it was acted on
	PRIMARY KEY (code, seq)
);
CREATE UNIQUE INDEX scene_scan_event ON scene_scan (code, event);
CREATE INDEX scene_scan_openid ON scene_scan (appid, openid) WHERE openid <> '';
