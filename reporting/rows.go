package reporting

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// batchRows are read ahead, and are what progress is told in.
const batchRows = 1024

// each gives the sheet's rows to fn, one after the other. The next rows are read while fn works on these; a row is not kept
// beyond the call.
func (s Sheet) each(ctx context.Context, scope Scope, fn func(values []any) error) error {
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan [][]any, 2)
	group.Go(func() error {
		defer close(batches)
		return s.read(ctx, scope, func(batch [][]any) error {
			select {
			case batches <- batch:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	group.Go(func() error {
		for batch := range batches {
			for _, values := range batch {
				if err := fn(values); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("sheet %s: %w", s.EN, err)
	}
	return nil
}

// read gives the rows in batches, with people's names in place of their registrations.
func (s Sheet) read(ctx context.Context, scope Scope, give func([][]any) error) error {
	if s.Rows != nil {
		rows, err := s.Rows(ctx, scope)
		if err != nil {
			return err
		}
		return give(rows)
	}
	return s.query(ctx, scope, func(batch [][]any) error {
		if err := s.introduce(ctx, scope, batch); err != nil {
			return err
		}
		return give(batch)
	})
}

func (s Sheet) query(ctx context.Context, scope Scope, give func([][]any) error) error {
	rows, err := scope.Tx.WithContext(ctx).Raw(s.Query, scope.arguments()).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	width, into := len(s.Columns), make([]any, len(s.Columns))
	for more := true; more; {
		batch, cells := make([][]any, 0, batchRows), make([]any, batchRows*width)
		for len(batch) < batchRows {
			if more = rows.Next(); !more {
				break
			}
			values := cells[len(batch)*width:][:width:width]
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			if err := s.values(values); err != nil {
				return err
			}
			batch = append(batch, values)
		}
		if err := give(batch); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s Sheet) values(row []any) (err error) {
	for i, c := range s.Columns {
		if row[i], err = c.Kind.value(row[i]); err != nil {
			return fmt.Errorf("column %s: %w", c.EN, err)
		}
	}
	return nil
}

// introduce puts names, phones and documents in place of registrations' ids.
func (s Sheet) introduce(ctx context.Context, scope Scope, batch [][]any) error {
	var personal []int
	for i, c := range s.Columns {
		if c.Kind.personal() {
			personal = append(personal, i)
		}
	}
	if len(personal) == 0 || len(batch) == 0 {
		return nil
	}
	people, err := scope.people(ctx, batch, personal[0])
	if err != nil {
		return err
	}
	for _, row := range batch {
		for _, i := range personal {
			id, _ := row[i].(int64)
			contact, known := people[id]
			row[i] = s.Columns[i].Kind.identity(contact, known, scope.Unmasked)
		}
	}
	return nil
}
