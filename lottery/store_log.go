package lottery

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"hongbao/internal/database"
	"hongbao/lottery/draw"
)

type (
	logLine struct {
		ID       int64
		City     string
		Position int64 // 1-based; also the size of the checkpoint that ends with this line
		DrawID   int64
		Kind     draw.Kind
		Hash     database.Bytes32
		Line     string
		At       database.Millis
	}
	checkpoint struct {
		ID   int64
		City string
		Size int64
		Root database.Bytes32
		Note string // signed by the log key only
	}
	cosignature struct {
		ID         int64
		City       string
		Size       int64
		Witness    string          // the name in the witness's key
		At         database.Millis // the witness's time, whole seconds
		Line       string          // with \n
		ReceivedAt database.Millis // ours
	}
)

// nextPosition locks the city's log for the rest of the transaction and gives the position of the next line.
func nextPosition(tx *gorm.DB, city string) (size int64, err error) {
	grown := tx.Exec("UPDATE log_heads SET size = size + 1 WHERE city = ?", city)
	if grown.Error != nil {
		return 0, grown.Error
	}
	if grown.RowsAffected == 0 {
		return 1, tx.Exec("INSERT INTO log_heads (city, size) VALUES (?, 1)", city).Error
	}
	return logSize(tx, city)
}

func logSize(db *gorm.DB, city string) (int64, error) {
	var size int64
	result := db.Raw("SELECT size FROM log_heads WHERE city = ?", city).Scan(&size)
	if result.Error == nil && result.RowsAffected == 0 {
		return 0, errNoLog
	}
	return size, result.Error
}

// logLines are all lines of the city's log.
func logLines(db *gorm.DB, city string) ([]draw.LogLine, error) {
	var rows []struct {
		Position int64
		Kind     draw.Kind
		Slug     string
		Hash     database.Bytes32
		Line     string
	}
	err := db.Raw(`SELECT l.position, l.kind, d.slug, l.hash, l.line FROM log_lines l JOIN draws d ON d.id = l.draw_id
		WHERE l.city = ? ORDER BY l.position`, city).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	lines := make([]draw.LogLine, len(rows))
	for i, row := range rows {
		lines[i] = draw.LogLine{Kind: row.Kind, ID: row.Slug, Hash: draw.Digest(row.Hash)}
		if row.Position != int64(i+1) || lines[i].String() != row.Line {
			return nil, fmt.Errorf("log of %s: line %d is damaged", city, i+1)
		}
	}
	return lines, nil
}

// logUpTo is the city's log up to the draw's last line: what its witnesses have signed.
func logUpTo(db *gorm.DB, d *Draw) ([]byte, error) {
	lines, err := logLines(db, d.City)
	if err != nil {
		return nil, err
	}
	positions, err := drawPositions(db, d.ID)
	if err != nil {
		return nil, err
	}
	return draw.FormatLog(lines[:slices.Max(positions)]), nil
}

func lineAt(db *gorm.DB, city string, position int64) (logLine, error) {
	var row logLine
	err := db.Table("log_lines").Where("city = ? AND position = ?", city, position).Take(&row).Error
	if notExist(err) {
		err = errNoSize
	}
	return row, err
}

func checkpointNote(db *gorm.DB, city string, size int64) ([]byte, error) {
	var row checkpoint
	err := db.Table("checkpoints").Where("city = ? AND size = ?", city, size).Take(&row).Error
	if notExist(err) {
		err = errNoSize
	}
	return []byte(row.Note), err
}

func cosignatureLines(db *gorm.DB, city string, size int64) (lines []string, err error) {
	err = db.Raw("SELECT line FROM cosignatures WHERE city = ? AND size = ? ORDER BY id", city, size).Scan(&lines).Error
	return lines, err
}

// addCosignature stores one; the same again changes nothing, another one of the same witness is refused.
func addCosignature(tx *gorm.DB, row cosignature) error {
	var known cosignature
	err := tx.Table("cosignatures").Where("city = ? AND size = ? AND witness = ?", row.City, row.Size, row.Witness).Take(&known).Error
	switch {
	case err == nil && known.Line == row.Line:
		return nil
	case err == nil:
		return errRepeated
	case !notExist(err):
		return err
	}
	err = tx.Table("cosignatures").Create(&row).Error
	if database.IsDuplicate(err) {
		return errRepeated
	}
	return err
}

func countCosignatures(db *gorm.DB, city string, size int64) (n int, err error) {
	err = db.Raw("SELECT COUNT(*) FROM cosignatures WHERE city = ? AND size = ?", city, size).Scan(&n).Error
	return n, err
}

// cosignedTime is when the draw's line of this kind got its quorum, by the witnesses' clocks: the quorum-th smallest time; 0 before.
func cosignedTime(db *gorm.DB, d *Draw, kind draw.Kind) (database.Millis, error) {
	var position int64
	found := db.Raw("SELECT position FROM log_lines WHERE draw_id = ? AND kind = ? ORDER BY position LIMIT 1", d.ID, kind).Scan(&position)
	if found.Error != nil || found.RowsAffected == 0 {
		return 0, found.Error
	}
	return quorumTime(db, d, position)
}

// quorumTime is the quorum-th smallest cosignature time of the checkpoint of this size; 0 below the quorum.
func quorumTime(db *gorm.DB, d *Draw, size int64) (database.Millis, error) {
	var times []database.Millis
	err := db.Raw("SELECT at FROM cosignatures WHERE city = ? AND size = ? ORDER BY at LIMIT ?", d.City, size, d.Quorum).Scan(&times).Error
	if err != nil || len(times) < d.Quorum {
		return 0, err
	}
	return times[d.Quorum-1], nil
}

// document is one line of the draw in the log, with what witnesses said of it.
type document struct {
	Kind     draw.Kind
	Hash     database.Bytes32
	Position int64
	At       database.Millis
	Cosigned int
}

// documents are the draw's lines in the order of the log.
func documents(db *gorm.DB, drawID int64) (list []document, err error) {
	err = db.Raw(`SELECT l.kind, l.hash, l.position, l.at,
			(SELECT COUNT(*) FROM cosignatures c WHERE c.city = l.city AND c.size = l.position) AS cosigned
		FROM log_lines l WHERE l.draw_id = ? ORDER BY l.position`, drawID).Scan(&list).Error
	return list, err
}

// drawLines counts the draw's lines and reports whether each has its quorum.
func drawLines(db *gorm.DB, d *Draw) (int64, bool, error) {
	list, err := documents(db, d.ID)
	for _, line := range list {
		if line.Cosigned < d.Quorum {
			return int64(len(list)), false, err
		}
	}
	return int64(len(list)), len(list) > 0, err
}

func drawPositions(db *gorm.DB, drawID int64) (positions []int64, err error) {
	err = db.Raw("SELECT position FROM log_lines WHERE draw_id = ? ORDER BY position", drawID).Scan(&positions).Error
	return positions, err
}

const wantedColumns = `SELECT l.position AS size, d.slug AS draw, l.kind AS kind, k.note AS checkpoint
	FROM log_lines l JOIN draws d ON d.id = l.draw_id JOIN checkpoints k ON k.city = l.city AND k.size = l.position
	WHERE l.city = ? AND `

// wantedCheckpoints are those that the witness has not cosigned; without a name, those below their quorum.
func wantedCheckpoints(db *gorm.DB, city, witness string) ([]Wanted, error) {
	wanted := []Wanted{}
	if witness == "" {
		return wanted, db.Raw(wantedColumns+`(SELECT COUNT(*) FROM cosignatures c WHERE c.city = l.city AND c.size = l.position) < d.quorum
			ORDER BY l.position`, city).Scan(&wanted).Error
	}
	return wanted, db.Raw(wantedColumns+`EXISTS (SELECT 1 FROM draw_parties p WHERE p.draw_id = d.id AND p.witness_name = ?)
		AND NOT EXISTS (SELECT 1 FROM cosignatures c WHERE c.city = l.city AND c.size = l.position AND c.witness = ?)
		ORDER BY l.position`, city, witness, witness).Scan(&wanted).Error
}
