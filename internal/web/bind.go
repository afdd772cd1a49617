package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"hongbao/internal/fault"

	"github.com/gin-gonic/gin"
)

var (
	errTooLarge  = fault.New(413, "body-too-large", "提交的内容太大。", "The request body is too large.")
	errMediaType = fault.New(415, "media-type", "请以 application/json 提交。", "Please send application/json.")
	errJSON      = fault.New(fault.Invalid, "json", "提交的内容不是合法的 JSON。", "The request body is not valid JSON.")
)

// Bind reads the JSON body into the struct that v points to. It refuses other media types, invalid UTF-8, unknown
// fields, values of the wrong type, anything after the value, and bodies over the cap; the fault names the field.
func Bind(c *gin.Context, v any) error {
	if kind, _, err := mime.ParseMediaType(c.ContentType()); err != nil || kind != "application/json" {
		return errMediaType
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return readFault(err)
	}
	if !utf8.Valid(body) {
		return errJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return decodeFault(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}

func readFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge.With(err)
	}
	return errJSON.With(err)
}

func decodeFault(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fault.Field(wrongType.Field, "type", "这一项的类型不对。", "This field has the wrong type.").With(err)
	}
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name := strings.Trim(quoted, `"`)
		return fault.Field(name, "unknown-field", "不认识的字段。", "Unknown field.").With(err)
	}
	return errJSON.With(err)
}

// PathID is the row's id in the path. What is no number names no row, so that the answer is missing, as for a row that is not there.
func PathID(c *gin.Context, name string, missing error) (int64, error) {
	id, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil {
		return 0, missing
	}
	return id, nil
}
