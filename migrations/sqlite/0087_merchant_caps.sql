-- Disbursement owns these tables: what a merchant with a cap may still take, to the fen. A row of capped_merchants is what
-- rival admissions at one merchant wait for; a reservation is envelope money that was admitted and has not been heard of yet.

CREATE TABLE capped_merchants (
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    admissions INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, merchant_no)
);

CREATE TABLE cap_reservations (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    merchant_no VARCHAR(64) NOT NULL,
    envelope_id INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    CHECK (amount_fen > 0)
);

CREATE INDEX ix_cap_reservations_campaign_id_merchant_no ON cap_reservations (campaign_id, merchant_no);

CREATE INDEX ix_cap_reservations_envelope_id ON cap_reservations (envelope_id);

CREATE INDEX ix_spending_events_campaign_id_merchant_no_occurred_at ON spending_events (campaign_id, merchant_no, occurred_at);
