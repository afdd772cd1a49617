package web

import (
	"strconv"
	"strings"
)

// Chart is a drawing of one row of numbers, made on the server: "line" or "columns". Title says its one message. The same
// numbers stand in a table behind it.
type Chart struct {
	Title, Note string
	Kind        string
	Heads       [2]string // of the table: what a point is, and what is counted
	Points      []Point
	Empty       Empty // shown instead when there are no points
}

// Point is one number of a chart, at least 0. Label names it on the axis and in the table, Text is the number as people read it.
type Point struct {
	Label, Text string
	Value       int64
}

// Parts is one bar cut into the parts of a whole, each named with its amount beside it.
type Parts struct {
	Title string
	Whole int64
	Rows  []Part
}

// Part is one part of Parts; Text is its amount as people read it.
type Part struct {
	Label, Text string
	Value       int64
}

// The box that a chart is drawn in; it is stretched to its place.
const (
	plotWidth  = 1000
	plotHeight = 200
)

// Top is the end of the chart's scale: the first of 1, 2 or 5 times a power of ten that no point exceeds, and 4 at least,
// so that half of it is a whole number.
func (c Chart) Top() int64 {
	var most int64 = 4
	for _, p := range c.Points {
		most = max(most, p.Value)
	}
	if most == 4 {
		return most
	}
	top := int64(10)
	for top < most {
		switch {
		case top*2 >= most:
			return top * 2
		case top*5 >= most:
			return top * 5
		}
		top *= 10
	}
	return top
}

// Scale are the labels of the vertical axis, from the top.
func (c Chart) Scale() []string {
	top := c.Top()
	return []string{Count(top), Count(top / 2), "0"}
}

// Ticks are up to five labels of the horizontal axis, evenly spread.
func (c Chart) Ticks() []string {
	n := len(c.Points)
	shown := min(n, 5)
	if shown < 2 {
		return []string{c.Points[0].Label}
	}
	labels := make([]string, shown)
	for i := range labels {
		labels[i] = c.Points[i*(n-1)/(shown-1)].Label
	}
	return labels
}

// Line is the SVG path through the points of a line chart.
func (c Chart) Line() string {
	var path strings.Builder
	step := float64(plotWidth) / float64(max(1, len(c.Points)-1))
	for i, p := range c.Points {
		path.WriteString(map[bool]string{true: "M", false: "L"}[i == 0])
		path.WriteString(fixed(float64(i)*step) + " " + fixed(c.height(p)))
	}
	return path.String()
}

// Area is Line closed along the ground.
func (c Chart) Area() string {
	return c.Line() + "V" + strconv.Itoa(plotHeight) + "H0Z"
}

// Columns is the SVG path of a column chart.
func (c Chart) Columns() string {
	var path strings.Builder
	step := float64(plotWidth) / float64(len(c.Points))
	for i, p := range c.Points {
		path.WriteString("M" + fixed((float64(i)+.14)*step) + " " + strconv.Itoa(plotHeight) + "V" + fixed(c.height(p)) + "h" + fixed(step*.72) + "V" + strconv.Itoa(plotHeight) + "Z")
	}
	return path.String()
}

func (c Chart) height(p Point) float64 {
	return plotHeight * (1 - float64(p.Value)/float64(c.Top()))
}

func fixed(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// Table is the same numbers, to read.
func (c Chart) Table() Table {
	table := Table{Caption: c.Title, Columns: []Column{{Title: c.Heads[0]}, {Title: c.Heads[1], Number: true}}}
	for _, p := range c.Points {
		table.Rows = append(table.Rows, Row{Cells: []Cell{Text(p.Label), Text(p.Text)}})
	}
	return table
}

// slice is one part of a bar on a scale of 100.
type slice struct {
	Part
	From, Length, Share string
	Index               int
}

// Slices are the parts with their places in the bar.
func (p Parts) Slices() []slice {
	var made []slice
	var before int64
	for i, part := range p.Rows {
		made = append(made, slice{part, bar(before, p.Whole), bar(part.Value, p.Whole), Share(part.Value, p.Whole), i})
		before += part.Value
	}
	return made
}
