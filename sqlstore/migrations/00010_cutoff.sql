-- Revocations of more than one session: what began before a moment is taken no more.

-- +goose Up

CREATE TABLE cutoff (
	kind      TEXT   NOT NULL CHECK (kind IN ('session', 'user', 'guest', 'site', 'realm', 'all')),
	realm     TEXT   NOT NULL, -- '' where it is not one realm's
	name      TEXT   NOT NULL, -- session id, user id or ptid; '' for a realm and for all
	seq       BIGINT NOT NULL, -- from counter, anew at each writing: what is new stands at the end
	before_at BIGINT NOT NULL, -- what began earlier is over
	at        BIGINT NOT NULL, -- when it was decided
	until_at  BIGINT NOT NULL, -- nothing older can be brought any more: the row can be forgotten
	actor     TEXT   NOT NULL,
	reason    TEXT   NOT NULL,
	PRIMARY KEY (kind, realm, name)
);
CREATE UNIQUE INDEX cutoff_seq ON cutoff (seq);
CREATE INDEX cutoff_realm ON cutoff (realm, seq);
CREATE INDEX cutoff_until ON cutoff (until_at);

-- The same table again, with one more kind of entry. Neither engine can widen a CHECK in
-- place the same way as the other.
CREATE TABLE forgotten (
	seq   BIGINT NOT NULL PRIMARY KEY, -- from counter: a gap tells a reader that he has slept too long
	kind  TEXT   NOT NULL CHECK (kind IN ('user', 'session', 'secret', 'cutoff')),
	realm TEXT   NOT NULL, -- of a user or a cutoff, else ''
	name  TEXT   NOT NULL, -- user id, session id, name of a secret, or kind of a cutoff
	at    BIGINT NOT NULL
);
INSERT INTO forgotten (seq, kind, realm, name, at) SELECT seq, kind, realm, name, at FROM stale;
DROP TABLE stale;
ALTER TABLE forgotten RENAME TO stale;
