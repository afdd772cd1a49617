package campaign

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"hongbao/internal/fault"
	"hongbao/internal/money"
)

// maxRuleBook bounds the file: a city's rule book with every merchant of a district is well under it.
const maxRuleBook = 4 << 20

// maxMistakes bounds the list of mistakes that one answer carries.
const maxMistakes = 100

// weightWords are keys that ask for unequal chances. draw/v1 scores every entry alike, so they get a reason of their own.
var weightWords = []string{"weight", "weights", "weighted", "chance", "chances", "odds", "probability", "multiplier"}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)

// reading turns a YAML tree into a RuleBook, remembers the line of every field and gathers all mistakes.
type reading struct {
	lines    map[string]int
	mistakes []Mistake
	formed   bool // every field has its form
}

// add notes a mistake at a field such as "tiers[1].count"; zh and en take the same arguments.
func (r *reading) add(path, zh, en string, args ...any) {
	r.note(path, fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...))
}

// note is add for finished sentences.
func (r *reading) note(path, zh, en string) {
	r.mistakes = append(r.mistakes, Mistake{r.line(path), path, Text{zh, en}})
}

// line is the line of a field, or of the nearest thing around it that is there.
func (r *reading) line(path string) int {
	for path != "" {
		if line, ok := r.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1
}

// sorted gives the first mistakes, in the order of their lines.
func (r *reading) sorted() []Mistake {
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
	return r.mistakes[:min(len(r.mistakes), maxMistakes)]
}

func (r *reading) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	var zh, en []string
	for _, m := range r.sorted() {
		zh = append(zh, fmt.Sprintf("第 %d 行：%s：%s", m.Line, m.Field, m.Text.ZH))
		en = append(en, fmt.Sprintf("line %d: %s: %s", m.Line, m.Field, m.Text.EN))
	}
	return fault.Field(r.mistakes[0].Field, "rule-book", strings.Join(zh, "\n"), strings.Join(en, "\n"))
}

// read fills rb and reports whether every field has its form, so that the rules of check can be applied.
func (r *reading) read(data []byte, rb *RuleBook) bool {
	if len(data) > maxRuleBook {
		r.add("file", "文件超过 %d 字节", "the file is longer than %d bytes", maxRuleBook)
		return false
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		r.syntax(err)
		return false
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.add("file", "必须正好是一个 YAML 文档", "must be exactly one YAML document")
		return false
	}
	r.value(file.Docs[0].Body, "", reflect.ValueOf(rb).Elem())
	return len(r.mistakes) == 0
}

func (r *reading) syntax(err error) {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		r.lines["file"] = at.GetToken().Position.Line
		r.add("file", "不是有效的 YAML（%s）", "not valid YAML (%s)", at.GetMessage())
		return
	}
	r.add("file", "不是有效的 YAML", "not valid YAML")
}

func (r *reading) value(node ast.Node, path string, into reflect.Value) {
	r.lines[path] = node.GetToken().Position.Line
	switch into.Interface().(type) {
	case money.Fen, time.Time, time.Duration:
		r.scalar(node, path, into)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		r.mapping(node, path, into)
	case reflect.Slice:
		r.sequence(node, path, into)
	default:
		r.scalar(node, path, into)
	}
}

func (r *reading) mapping(node ast.Node, path string, into reflect.Value) {
	m, ok := node.(ast.MapNode)
	if !ok {
		r.add(path, "此处应为“键: 值”", "must be a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for pairs := m.MapRange(); pairs.Next(); {
		r.pair(pairs.KeyValue(), path, into, seen)
	}
	for i := range into.NumField() {
		key, optional := yamlKey(into.Type().Field(i))
		if key != "" && !optional && !seen[key] {
			r.add(join(path, key), "缺少此项", "is missing")
		}
	}
}

func (r *reading) pair(pair *ast.MappingValueNode, path string, into reflect.Value, seen map[string]bool) {
	key := pair.Key.GetToken().Value
	child := join(path, key)
	r.lines[child] = pair.Key.GetToken().Position.Line
	for i := range into.NumField() {
		if name, _ := yamlKey(into.Type().Field(i)); name == key && !seen[key] {
			seen[key] = true
			r.value(pair.Value, child, into.Field(i))
			return
		}
	}
	switch {
	case seen[key]:
		r.add(child, "此项出现了两次", "stands here twice")
	case slices.Contains(weightWords, strings.ToLower(key)):
		r.add(child, "不支持加权中签：draw/v1 中每份登记机会均等", "weighted chances do not exist: draw/v1 gives every entry the same chance")
	default:
		r.add(child, "没有这个字段", "is not a field of a rule book")
	}
}

func (r *reading) sequence(node ast.Node, path string, into reflect.Value) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.add(path, "此处应为列表", "must be a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values)))
	for i, item := range list.Values {
		r.value(item, fmt.Sprintf("%s[%d]", path, i), into.Index(i))
	}
}

func (r *reading) scalar(node ast.Node, path string, into reflect.Value) {
	text, ok := scalarText(node)
	if !ok {
		r.add(path, "此处应为一个值", "must be a single value")
		return
	}
	if zh, en := setScalar(text, into); en != "" {
		r.note(path, zh, en)
	}
}

// scalarText is the text as written, so that an amount never passes through a float.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true
	}
	return "", false
}

func setScalar(text string, into reflect.Value) (zh, en string) {
	switch into.Interface().(type) {
	case money.Fen:
		amount, err := money.Parse(text)
		into.SetInt(int64(amount))
		return refuse(err == nil, "应为以元为单位、最多两位小数的金额", "must be an amount in yuan with at most two decimals")
	case time.Time:
		moment, err := parseMoment(text)
		into.Set(reflect.ValueOf(moment))
		return refuse(err == nil, "应为北京时间，如 2020-12-11 20:00", "must be a moment in Asia/Shanghai such as 2020-12-11 20:00")
	case time.Duration:
		span, err := time.ParseDuration(text)
		into.SetInt(int64(span))
		return refuse(err == nil, "应为时长，如 6h", "must be a length of time such as 6h")
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
		return refuse(text != "" && len(text) <= 400, "不能为空，也不能超过 400 字节", "must not be empty, nor longer than 400 bytes")
	case reflect.Bool:
		into.SetBool(text == "true")
		return refuse(text == "true" || text == "false", "应为 true 或 false", "must be true or false")
	case reflect.Float64:
		value, err := strconv.ParseFloat(text, 64)
		into.SetFloat(value)
		return refuse(err == nil, "应为数字", "must be a number")
	}
	value, err := strconv.ParseInt(text, 10, 64)
	into.SetInt(value)
	return refuse(err == nil && wholeNumber.MatchString(text), "应为不小于 0 的整数", "must be a whole number, 0 or more")
}

func refuse(ok bool, zh, en string) (string, string) {
	if ok {
		return "", ""
	}
	return zh, en
}

func yamlKey(field reflect.StructField) (key string, optional bool) {
	key, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return key, options == "omitempty"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
