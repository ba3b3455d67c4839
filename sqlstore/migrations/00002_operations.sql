-- What businesses and operators may do to users: name them, take them apart, merge,
-- block and erase them; and the record of who did so.

-- +goose Up

-- A blocked user is turned away; his links stay as they are.
ALTER TABLE userid ADD COLUMN blocked_at BIGINT;

-- Sessions of this openid that began before are over: something was taken apart.
ALTER TABLE openid_key ADD COLUMN since BIGINT;

-- The user that an old table names for this openid, or that another account's
-- openid led to; '' if none. It takes part in the first link, then it is cleared.
ALTER TABLE openid_key ADD COLUMN hint TEXT NOT NULL DEFAULT '';

-- Finds the openids of a unionid: through which accounts a user can be reached.
CREATE INDEX openid_key_unionid ON openid_key (realm, subject, unionid) WHERE unionid <> '';

-- Finds what an old table says of a user.
CREATE INDEX openid_key_hint ON openid_key (realm, hint) WHERE hint <> '';

-- The same table again, with a slot: a user serves as many unionids of a subject as
-- his realm allows, one in each slot, and with one slot this is invariant I2 itself.
-- Neither engine can widen a constraint in place the same way as the other.
CREATE TABLE union_link (
	realm   TEXT   NOT NULL,
	subject TEXT   NOT NULL, -- the open-platform account that the unionid belongs to
	unionid TEXT   NOT NULL,
	userid  TEXT   NOT NULL,
	slot    BIGINT NOT NULL,
	epoch   BIGINT NOT NULL, -- how often the unionid was parted from a user
	version BIGINT NOT NULL,
	PRIMARY KEY (realm, subject, unionid),
	UNIQUE (realm, userid, subject, slot),
	FOREIGN KEY (realm, userid) REFERENCES userid (realm, id)
);
INSERT INTO union_link (realm, subject, unionid, userid, slot, epoch, version)
	SELECT realm, subject, unionid, userid, 0, 0, version FROM union_key;
DROP TABLE union_key;
ALTER TABLE union_link RENAME TO union_key;

-- The open platforms: where to look for a unionid that somebody takes for one of
-- another. An index over all unionids would cost every new person a write.
CREATE INDEX account_subject ON account (subject) WHERE subject <> appid;

-- Every retirement is told twice: at once, and finally when nobody can hold a token
-- with the old id any more.
ALTER TABLE event ADD COLUMN phase TEXT NOT NULL DEFAULT ''; -- first, final, or '' where there is but one
UPDATE event SET phase = 'first' WHERE type = 'userid.replaced';

-- Whom a contradiction is about, and whether somebody has dealt with it.
ALTER TABLE conflict ADD COLUMN userid TEXT NOT NULL DEFAULT '';

-- Real users who logged in where no unionid is known. That is this browser's
-- business and nobody else's: no openid leads to them.
CREATE TABLE login (
	realm   TEXT   NOT NULL,
	session TEXT   NOT NULL,
	appid   TEXT   NOT NULL,
	openid  TEXT   NOT NULL, -- '' for a browser that WeChat doesn't vouch for
	userid  TEXT   NOT NULL,
	used    BIGINT NOT NULL, -- when it was last carried on to a new session
	PRIMARY KEY (realm, session)
);
CREATE INDEX login_session ON login (session);
CREATE INDEX login_userid ON login (realm, userid);
CREATE INDEX login_openid ON login (realm, appid, openid);
CREATE INDEX login_used ON login (used);

-- What was erased, as keyed digests: an erased guest id never comes back, and an
-- erased user is not made again by somebody who remembers his id.
CREATE TABLE tombstone (
	realm TEXT   NOT NULL,
	mark  TEXT   NOT NULL,
	gen   BIGINT NOT NULL, -- of an openid: the generation to go on with; of a unionid: the epoch
	at    BIGINT NOT NULL,
	PRIMARY KEY (realm, mark)
);

-- Users who shall move to another WeChat account, when their time has come.
CREATE TABLE rebind (
	realm    TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	userid   TEXT   NOT NULL,
	subject  TEXT   NOT NULL,
	unionid  TEXT   NOT NULL, -- of the WeChat account that he moves to
	appid    TEXT   NOT NULL,
	openid   TEXT   NOT NULL, -- by which that account was named
	state    TEXT   NOT NULL, -- waiting, done, cancelled, or the code of what stood in the way
	asked_at BIGINT NOT NULL,
	due_at   BIGINT NOT NULL,
	version  BIGINT NOT NULL,
	PRIMARY KEY (realm, id)
);
CREATE INDEX rebind_due ON rebind (state, due_at);
CREATE INDEX rebind_userid ON rebind (realm, userid);

-- Who changed what, and why: each record names the hash of the one before, so that
-- none can be changed or taken out unseen. What is personal is sealed under a key
-- of the user whom the record is about.
CREATE TABLE audit (
	realm  TEXT   NOT NULL,
	seq    BIGINT NOT NULL, -- one more than the last
	at     BIGINT NOT NULL,
	actor  TEXT   NOT NULL,
	op     TEXT   NOT NULL,
	about  TEXT   NOT NULL, -- keyed digest of the user id
	sealed BYTEA  NOT NULL,
	hash   BYTEA  NOT NULL, -- over the hash before and all of the above
	PRIMARY KEY (realm, seq)
);
CREATE INDEX audit_about ON audit (realm, about, seq);

-- What the key of a user's records is derived from. Taking the row away makes them
-- unreadable for good, and leaves the chain whole.
CREATE TABLE audit_salt (
	realm TEXT  NOT NULL,
	about TEXT  NOT NULL,
	salt  BYTEA NOT NULL,
	PRIMARY KEY (realm, about)
);
