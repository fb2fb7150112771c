-- People: who signed in and what they may; and what anybody did, which nothing deletes.

CREATE TABLE people (
    id         TEXT   NOT NULL CONSTRAINT people_pk PRIMARY KEY,
    -- 'local', or the OpenID provider's issuer; the subject is the provider's name for the person.
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    email      TEXT,
    role       TEXT   NOT NULL CONSTRAINT people_role_check CHECK (role IN ('admin', 'presenter', 'viewer', 'customer', 'none')),
    -- Whose files a 'customer' delivers.
    customer   TEXT,
    -- JSON, a list of the groups that the provider names.
    member_of  TEXT   NOT NULL DEFAULT '[]',
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    -- Raised by 'sign out everywhere' and by a change of role: sessions that began under another one are over.
    epoch      BIGINT NOT NULL DEFAULT 0,
    -- The provider's tokens, sealed with the key in the data folder (JSON inside).
    tokens     BLOB,
    -- When the access token in there expires: it is renewed before.
    tokens_until BIGINT,
    CONSTRAINT people_subject_key UNIQUE (issuer, subject)
);

-- Browsers that are signed in, or about to; written by tower-sessions.
CREATE TABLE sessions (
    id          TEXT   NOT NULL CONSTRAINT sessions_pk PRIMARY KEY,
    data        BLOB   NOT NULL,
    -- Seconds since the epoch.
    expiry_date BIGINT NOT NULL
);

-- The audit trail.
CREATE TABLE audit (
    id      INTEGER NOT NULL CONSTRAINT audit_pk PRIMARY KEY AUTOINCREMENT,
    at      BIGINT  NOT NULL,
    by_whom TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    -- For instance press, confirm_reset, upload, sign_in.
    action  TEXT    NOT NULL,
    -- What it was about: names only, never a payload and never a secret.
    subject TEXT    NOT NULL,
    outcome TEXT    NOT NULL CONSTRAINT audit_outcome_check CHECK (outcome IN ('done', 'refused', 'failed'))
);
