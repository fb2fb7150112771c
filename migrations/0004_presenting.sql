-- What the presenter does with the story: the step on show, its clock, what the audience sees. A step's row now also tells of steps
-- that were only shown or skipped, so it need not have been pressed.

CREATE TABLE show_steps_new (
    story      TEXT   NOT NULL,
    step       TEXT   NOT NULL,
    run_id     TEXT,
    pressed_at BIGINT,
    done_at    BIGINT,
    skipped_at BIGINT,
    -- Milliseconds that the step was on show while the clock ran, the stretch that is under way left out.
    used       BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT show_steps_new_pk PRIMARY KEY (story, step)
);
INSERT INTO show_steps_new (story, step, run_id, pressed_at, done_at)
    SELECT story, step, run_id, pressed_at, done_at FROM show_steps;
DROP TABLE show_steps;
ALTER TABLE show_steps_new RENAME TO show_steps;

CREATE TABLE presentations (
    story     TEXT    NOT NULL CONSTRAINT presentations_pk PRIMARY KEY,
    -- The step that the presenter opened or pressed last; the audience sees this one.
    step      TEXT,
    -- Since when the clock counts for that step; NULL while it stands.
    since     BIGINT,
    blank     BOOLEAN NOT NULL DEFAULT FALSE,
    -- JSON of what the audience saw when it was frozen; NULL while it follows.
    frozen    TEXT,
    frozen_at BIGINT
);
