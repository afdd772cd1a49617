-- Disbursement owns these tables: what a merchant with a cap may still take, to the fen. A row of capped_merchants is what
-- rival admissions at one merchant wait for; a reservation is envelope money that was admitted and has not been heard of yet.

CREATE TABLE capped_merchants (
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    admissions BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, merchant_no)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE cap_reservations (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    merchant_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    envelope_id BIGINT NOT NULL,
    amount_fen BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    KEY ix_cap_reservations_campaign_id_merchant_no (campaign_id, merchant_no),
    KEY ix_cap_reservations_envelope_id (envelope_id),
    CHECK (amount_fen > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE INDEX ix_spending_events_campaign_id_merchant_no_occurred_at ON spending_events (campaign_id, merchant_no, occurred_at);
