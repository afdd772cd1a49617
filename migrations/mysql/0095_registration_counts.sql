-- Campaign owns this table. How many had registered at a moment, noted every few minutes while registration is open: counting
-- the registrations themselves by hour would read millions of rows on opening night.

CREATE TABLE registration_counts (
    id          BIGINT PRIMARY KEY AUTO_INCREMENT,
    campaign_id BIGINT NOT NULL,
    counted_at  BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    UNIQUE KEY registration_counts_moment (campaign_id, counted_at),
    FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
