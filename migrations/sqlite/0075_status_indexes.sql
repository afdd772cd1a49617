-- Disbursement owns these tables. A row whose status changes pays for every index that the status stands in: what looks for
-- deadlines goes by campaign, what looks for orders by their batch.

DROP INDEX ix_disbursement_orders_status_next_at;

DROP INDEX ix_disbursement_orders_campaign_id_kind_status;

CREATE INDEX ix_disbursement_orders_campaign_id_kind ON disbursement_orders (campaign_id, kind);

UPDATE envelopes SET wallet_next_at = 0 WHERE wallet_token <> '' AND wallet_next_at > 0;

DROP INDEX ix_envelopes_status_claim_until_at;

DROP INDEX ix_envelopes_status_expires_at;

DROP INDEX ix_envelopes_operator_status_wallet_next_at;

CREATE INDEX ix_envelopes_campaign_id_claim_until_at ON envelopes (campaign_id, claim_until_at);

CREATE INDEX ix_envelopes_campaign_id_expires_at ON envelopes (campaign_id, expires_at);

CREATE INDEX ix_envelopes_operator_wallet_next_at ON envelopes (operator, wallet_next_at);

CREATE INDEX ix_envelopes_registration_id ON envelopes (registration_id);
