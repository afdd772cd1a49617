package database

import (
	"database/sql"
	"net/url"
	"strings"

	"gorm.io/gorm"

	"hongbao/internal/fault"
)

var (
	errURL = fault.New(fault.Invalid, "database-url",
		"数据库地址应为 sqlite:路径 或 mysql://用户:密码@主机/库名。",
		"The database URL must be sqlite:PATH or mysql://user:password@host/name.")
	errUnavailable = fault.New(fault.Unavailable, "database-unavailable",
		"系统繁忙，请稍后再试。", "The service is busy, please try again shortly.")
)

type access int

const (
	writing access = iota
	reading
)

// target is a parsed database URL.
type target struct {
	dialect   string
	open      func(access) (*sql.DB, error)
	dialector func(*sql.DB) gorm.Dialector
}

// parseURL never repeats the URL in an error, since it may hold a password.
func parseURL(text string) (target, error) {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return sqliteTarget(path)
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "mysql" || parsed.Host == "" && parsed.Query().Get("socket") == "" {
		return target{}, errURL
	}
	return mysqlTarget(parsed)
}
