-- Campaign owns this table. How many had registered at a moment, noted every few minutes while registration is open: counting
-- the registrations themselves by hour would read millions of rows on opening night.

CREATE TABLE registration_counts (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    counted_at  BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    UNIQUE (campaign_id, counted_at),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);
