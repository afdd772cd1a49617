-- What outside parties say about a registration: the real-name check, and evidence that could not be asked for in time. Campaign owns
-- this table. A registration without a row of a kind has not been asked about, or need not be.

CREATE TABLE outside_checks (
    registration_id BIGINT NOT NULL,
    kind            VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    campaign_id     BIGINT NOT NULL,
    status          VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    changed_at      BIGINT NOT NULL,
    PRIMARY KEY (registration_id, kind),
    KEY outside_checks_campaign (campaign_id, kind, status)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
