-- The winners' notice: how many winners of a draw have the same masked name and the same end of a document number. No row stands for fewer
-- than five people unless it shows neither, and none leads to an entry. names_at is when the notice was made, 0 before.

CREATE TABLE winner_names (
    draw_id BIGINT NOT NULL,
    name    VARCHAR(16) NOT NULL,
    tail    VARCHAR(8) NOT NULL,
    people  BIGINT NOT NULL,
    PRIMARY KEY (draw_id, name, tail),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

ALTER TABLE draws ADD COLUMN names_at BIGINT NOT NULL DEFAULT 0;
