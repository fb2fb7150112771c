-- What a customer may upload, and by which tokens; and that nothing is left of one that was deleted.

-- NULL: uploads are taken.
ALTER TABLE customers ADD COLUMN disabled_at BIGINT;
-- NULL: the configured quota.
ALTER TABLE customers ADD COLUMN quota_bytes BIGINT;
-- The reset that empties it before it goes, and who asked for it.
ALTER TABLE customers ADD COLUMN deletion_run TEXT;
ALTER TABLE customers ADD COLUMN deleted_by TEXT;

CREATE TABLE upload_tokens (
    id           TEXT   NOT NULL CONSTRAINT upload_tokens_pk PRIMARY KEY,
    customer     TEXT   NOT NULL CONSTRAINT upload_tokens_customer_fk REFERENCES customers (id) ON DELETE CASCADE,
    label        TEXT   NOT NULL,
    -- SHA-256 of the secret, in hexadecimal. The secret itself is 256 random bits and stands nowhere.
    hash         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at   BIGINT,
    -- The token that took its place.
    replaced_by  TEXT
);
CREATE INDEX upload_tokens_of_customer ON upload_tokens (customer, created_at);

CREATE TABLE deleted_customers (
    customer   TEXT   NOT NULL,
    deleted_at BIGINT NOT NULL,
    title      TEXT   NOT NULL,
    by_whom    TEXT   NOT NULL,
    -- The reset whose certificate is the proof.
    run_id     TEXT   NOT NULL,
    CONSTRAINT deleted_customers_pk PRIMARY KEY (customer, deleted_at)
);
