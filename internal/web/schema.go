package web

import (
	"encoding"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"

	"hongbao/internal/database"
	"hongbao/internal/money"
)

// schemas makes JSON schemas (draft 2020-12, as OpenAPI 3.1 has them) of Go types as encoding/json writes them. Named
// structs become components.
type schemas struct {
	components map[string]any
	types      map[string]reflect.Type
}

type schema = map[string]any

var (
	timeType   = reflect.TypeFor[time.Time]()
	millisType = reflect.TypeFor[database.Millis]()
	fenType    = reflect.TypeFor[money.Fen]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	textType   = reflect.TypeFor[encoding.TextMarshaler]()
)

// of gives the schema of a value: Object by its names, a list by its rows, everything else by its type.
func (s *schemas) of(value any) schema {
	if object, ok := value.(Object); ok {
		properties, required := schema{}, []string{}
		for name, one := range object {
			properties[name] = s.of(one)
			required = append(required, name)
		}
		return closed(properties, required)
	}
	if list, ok := value.(Listed); ok {
		rows := schema{"type": "array", "items": s.of(list.row)}
		return closed(schema{list.name: rows, "next": schema{"type": "string", "description": "The cursor of the next page; not there on the last"}}, []string{list.name})
	}
	return s.typed(reflect.TypeOf(value))
}

func closed(properties schema, required []string) schema {
	object := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = sorted(required)
	}
	return object
}

func (s *schemas) typed(t reflect.Type) schema {
	switch {
	case t == nil || t == rawType || t.Kind() == reflect.Interface:
		return schema{}
	case t == timeType:
		return schema{"type": "string", "format": "date-time"}
	case t == millisType:
		return schema{"type": "integer", "format": "int64", "description": "Milliseconds since 1970-01-01T00:00:00Z; 0 is never, or not yet"}
	case t == fenType:
		return schema{"type": "integer", "format": "int64", "description": "Fen (1/100 yuan)"}
	case t.Implements(textType):
		return schema{"type": "string"}
	}
	return s.plain(t)
}

func (s *schemas) plain(t reflect.Type) schema {
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int64, reflect.Uint64, reflect.Int, reflect.Uint, reflect.Uint32:
		return schema{"type": "integer", "format": "int64"}
	case reflect.Int32, reflect.Int16, reflect.Int8, reflect.Uint16, reflect.Uint8:
		return schema{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Pointer:
		return schema{"anyOf": []any{s.typed(t.Elem()), schema{"type": "null"}}}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.typed(t.Elem())}
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return schema{"type": "string", "contentEncoding": "base64"}
		}
		return schema{"type": "array", "items": s.typed(t.Elem())}
	case reflect.Struct:
		return s.object(t)
	}
	panic(fmt.Sprintf("web: no JSON schema for %s", t))
}

// object gives a struct in place when it has no name, else a reference to its component.
func (s *schemas) object(t reflect.Type) schema {
	if t.Name() == "" {
		return s.fields(t)
	}
	name := componentName(t)
	if known, ok := s.types[name]; ok && known != t {
		panic(fmt.Sprintf("web: %s and %s have one name in the API's document: %s", known, t, name))
	}
	if _, ok := s.components[name]; !ok {
		s.types[name] = t
		s.components[name] = schema{} // a type may hold itself
		s.components[name] = s.fields(t)
	}
	return schema{"$ref": "#/components/schemas/" + name}
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9]+`)

// componentName is campaign.Receipt for the type receiptJSON of the room campaign.
func componentName(t reflect.Type) string {
	name := []rune(notInNames.ReplaceAllString(strings.TrimSuffix(t.Name(), "JSON"), ""))
	name[0] = unicode.ToUpper(name[0])
	return path.Base(t.PkgPath()) + "." + string(name)
}

func (s *schemas) fields(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" || !f.IsExported() || tag == "-" || !direct(t, f) {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		properties[tag] = s.typed(f.Type)
		if !strings.Contains(options, "omit") && f.Tag.Get("api") != "optional" {
			required = append(required, tag)
		}
	}
	return closed(properties, required)
}

// direct tells whether encoding/json writes a field into the object of t itself: it, or only untagged embedded structs above it.
func direct(t reflect.Type, f reflect.StructField) bool {
	for _, i := range f.Index[:len(f.Index)-1] {
		above := t.Field(i)
		if !above.Anonymous || above.Tag.Get("json") != "" {
			return false
		}
		t = above.Type
	}
	return true
}
