package webhook

import (
	"fmt"

	"gorm.io/gorm"

	"hongbao/internal/database"
)

const webhookColumns = "id, city, url, status, seq, made_by, created_at"

func insertWebhook(tx *gorm.DB, w *Webhook) error {
	return wrap("storing a webhook", tx.Table("webhooks").Create(w).Error)
}

func listWebhooks(tx *gorm.DB, city string) (list []Webhook, err error) {
	err = tx.Raw("SELECT "+webhookColumns+" FROM webhooks WHERE ? = '*' OR city = ? ORDER BY city, id", city, city).Scan(&list).Error
	return list, wrap("listing webhooks", err)
}

func readWebhook(tx *gorm.DB, id int64) (w Webhook, err error) {
	result := tx.Raw("SELECT "+webhookColumns+" FROM webhooks WHERE id = ?", id).Scan(&w)
	if result.Error == nil && result.RowsAffected == 0 {
		return w, ErrMissing
	}
	return w, wrap("reading a webhook", result.Error)
}

// moveSeq notes how far the audit trail was looked at. It fails when somebody else has done so meanwhile.
func moveSeq(tx *gorm.DB, w Webhook, seq int64) error {
	result := tx.Exec("UPDATE webhooks SET seq = ? WHERE id = ? AND seq = ? AND status = ?", seq, w.ID, w.Seq, Active)
	if result.Error == nil && result.RowsAffected != 1 {
		return fmt.Errorf("webhook %d was looked at by another", w.ID)
	}
	return wrap("moving a webhook on", result.Error)
}

func insertDeliveries(tx *gorm.DB, list []delivery) error {
	if len(list) == 0 {
		return nil
	}
	return wrap("storing deliveries", tx.Table("webhook_deliveries").Create(&list).Error)
}

func dueDeliveries(tx *gorm.DB, webhook int64, now database.Millis, limit int) (list []delivery, err error) {
	err = tx.Raw("SELECT * FROM webhook_deliveries WHERE webhook_id = ? AND status = ? AND next_at <= ? ORDER BY id LIMIT ?", webhook, Pending, now, limit).Scan(&list).Error
	return list, wrap("reading deliveries", err)
}

// noteAttempt changes a delivery only if nobody else has tried it meanwhile.
func noteAttempt(tx *gorm.DB, d delivery) error {
	result := tx.Exec("UPDATE webhook_deliveries SET status = ?, attempts = ?, next_at = ?, answer = ?, delivered_at = ? WHERE id = ? AND status = ? AND attempts = ?",
		d.Status, d.Attempts, d.NextAt, d.Answer, d.DeliveredAt, d.ID, Pending, d.Attempts-1)
	if result.Error == nil && result.RowsAffected != 1 {
		return fmt.Errorf("delivery %d was tried by another", d.ID)
	}
	return wrap("noting a delivery", result.Error)
}

func listDeliveries(tx *gorm.DB, webhook, before int64, limit int) (list []Delivery, err error) {
	err = tx.Raw(`SELECT id, event, campaign, happened_at, status, attempts, next_at, answer, delivered_at FROM webhook_deliveries
		WHERE webhook_id = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?`, webhook, before, before, limit).Scan(&list).Error
	return list, wrap("listing deliveries", err)
}

func retryDelivery(tx *gorm.DB, webhook, id int64, now database.Millis) (bool, error) {
	result := tx.Exec("UPDATE webhook_deliveries SET status = ?, attempts = 0, next_at = ? WHERE id = ? AND webhook_id = ? AND status = ?", Pending, now, id, webhook, Failed)
	return result.RowsAffected == 1, wrap("repeating a delivery", result.Error)
}

func wrap(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}
