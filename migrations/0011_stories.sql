-- Stories that were duplicated and edited, and which story is on stage at which depth. Shipped stories are files.

CREATE TABLE stories (
    id           TEXT   NOT NULL CONSTRAINT stories_pk PRIMARY KEY,
    -- The shipped story whose steps it has.
    shipped      TEXT   NOT NULL,
    -- What it was made of: the shipped story, or another duplicate.
    duplicate_of TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT   NOT NULL,
    -- NULL: it is there. Nothing is taken away, so that an id never means another story.
    deleted_at   BIGINT,
    deleted_by   TEXT
);

-- Each save; the newest counts.
CREATE TABLE story_versions (
    story    TEXT   NOT NULL CONSTRAINT story_versions_story_fk REFERENCES stories (id),
    version  BIGINT NOT NULL,
    -- JSON: title, and of each step title, talking point, minutes and depth.
    edits    TEXT   NOT NULL,
    saved_at BIGINT NOT NULL,
    saved_by TEXT   NOT NULL,
    CONSTRAINT story_versions_pk PRIMARY KEY (story, version)
);

-- What was typed and could not be saved, until it is.
CREATE TABLE story_drafts (
    id      TEXT   NOT NULL CONSTRAINT story_drafts_pk PRIMARY KEY,
    story   TEXT   NOT NULL CONSTRAINT story_drafts_story_fk REFERENCES stories (id),
    -- JSON of the form.
    form    TEXT   NOT NULL,
    kept_at BIGINT NOT NULL,
    kept_by TEXT   NOT NULL
);

CREATE TABLE stage (
    place  BIGINT NOT NULL CONSTRAINT stage_pk PRIMARY KEY CONSTRAINT stage_one CHECK (place = 1),
    story  TEXT   NOT NULL,
    -- 5, 20 or 45.
    depth  BIGINT NOT NULL,
    put_at BIGINT NOT NULL,
    put_by TEXT   NOT NULL
);
