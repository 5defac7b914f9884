// SPDX-License-Identifier: MIT

package tapegrad

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// The conformance kit, replayed twice: by name alone, and through the methods of this
// package wherever their types can say what the step says (kit_typed_test.go).

type object = map[string]any

type replay struct {
	t           *testing.T
	state       uint64
	scope       uint64
	token       uint64
	inUse       map[string]*uint64 // the functions that would change the two
	enclosing   map[uint64]uint64  // of each scope
	live, stale map[string]uint64
	typed       bool
	throughType int
	folder      string
	start       uint64
	step        int
}

func TestTheConformanceKitHasNoDifference(t *testing.T) {
	text, err := os.ReadFile("../kit/kit.json")
	must(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var kit struct{ Steps []object }
	must(t, decoder.Decode(&kit))
	if len(kit.Steps) < 5 {
		t.Fatalf("%d steps alone", len(kit.Steps))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, typed := range []bool{false, true} {
		settle(t)
		r := &replay{t: t, typed: typed, live: map[string]uint64{}, stale: map[string]uint64{},
			enclosing: map[uint64]uint64{}, folder: t.TempDir(), start: LiveHandles()}
		r.inUse = map[string]*uint64{"tg_scope_use": &r.scope, "tg_token_use": &r.token}
		for i, step := range kit.Steps {
			r.step = i
			if problem := r.run(step); problem != "" {
				text, _ := json.Marshal(step)
				t.Fatalf("typed %v, step %d: %s\n%s", typed, i, problem, text)
			}
		}
		t.Logf("typed %v: %d steps, %d through methods", typed, len(kit.Steps), r.throughType)
		if typed && len(kit.Steps) > 100 && r.throughType < len(kit.Steps)/3 {
			t.Errorf("only %d steps went through methods", r.throughType)
		}
		for _, handle := range r.live {
			release(handle)
		}
	}
}

func (r *replay) run(step object) string {
	switch {
	case step["call"] == "tg_site_set" || step["call"] == "tg_saved_tensor_hooks_exit":
		return "" // belongs to a thread, and goroutines do not
	case step["call"] != nil:
		return r.call(step)
	case step["tensor"] != nil:
		return r.check(step)
	case step["live_handles"] != nil:
		if got := int64(LiveHandles() - r.start); got != integerOf(step["live_handles"]) {
			return fmt.Sprintf("%d live handles", got)
		}
		return ""
	}
	return "a step of an unknown kind"
}

// A number is a JSON number, or a text: a great integer, inf, -inf, nan.
func integerOf(given any) int64 {
	text := fmt.Sprint(given)
	if unsigned, err := strconv.ParseUint(text, 10, 64); err == nil {
		return int64(unsigned)
	}
	return Must(strconv.ParseInt(text, 10, 64))
}
func doubleOf(given any) float64 { return Must(strconv.ParseFloat(fmt.Sprint(given), 64)) }

func (r *replay) rawOf(name any) uint64 {
	if name == nil {
		return 0
	}
	handle, ok := r.live[name.(string)]
	if !ok {
		r.t.Fatalf("step %d: there is no %v", r.step, name)
	}
	return handle
}

var sizes = map[string]int{"float32": 4, "float64": 8, "int8": 1, "int16": 2, "int32": 4,
	"int64": 8, "uint8": 1, "bool": 1, "text": 1, "handle": 8}

func packed(dtype string, values []any) []byte {
	data := []byte{}
	for _, v := range values {
		switch dtype {
		case "float32":
			data = binary.NativeEndian.AppendUint32(data, math.Float32bits(float32(doubleOf(v))))
		case "float64":
			data = binary.NativeEndian.AppendUint64(data, math.Float64bits(doubleOf(v)))
		default:
			whole := binary.LittleEndian.AppendUint64(nil, uint64(integerOf(v)))
			data = append(data, whole[:sizes[dtype]]...)
		}
	}
	return data
}

func unpacked(dtype string, data []byte) (values []float64) {
	for size := sizes[dtype]; len(data) >= size; data = data[size:] {
		var whole [8]byte
		copy(whole[:], data[:size])
		bits := binary.LittleEndian.Uint64(whole[:])
		value := 0.0
		switch shift := 64 - 8*size; dtype {
		case "float32":
			value = float64(math.Float32frombits(uint32(bits)))
		case "float64":
			value = math.Float64frombits(bits)
		case "uint8", "bool":
			value = float64(bits)
		default:
			value = float64(int64(bits<<shift) >> shift)
		}
		values = append(values, value)
	}
	return values
}

// put gives one argument; memory that comes out is the second result.
func (r *replay) put(c *call, given object) []byte {
	for kind, v := range given {
		switch kind {
		case "none":
			c.none()
		case "handle":
			c.handle(r.rawOf(v))
		case "raw_handle":
			c.handle(uint64(integerOf(v)))
		case "stale":
			c.handle(r.stale[v.(string)])
		case "int64":
			c.integer(integerOf(v))
		case "double":
			c.number(doubleOf(v))
		case "text":
			c.string(v.(string))
		case "path":
			c.string(filepath.Join(r.folder, v.(string)))
		case "int64_array":
			items := []int64{}
			for _, item := range v.([]any) {
				items = append(items, integerOf(item))
			}
			c.integers(items)
		case "handle_array":
			items := []uint64{}
			for _, item := range v.([]any) {
				items = append(items, r.rawOf(item))
			}
			c.handles(items)
		case "bytes":
			memory := v.(object)
			c.buffer(packed(memory["dtype"].(string), memory["values"].([]any)))
		case "buffer":
			of, count := given["of"].(string), int(integerOf(v))
			memory := make([]byte, count*sizes[of])
			if of == "handle" || of == "int64" {
				c.at(ValueBuffer, count, address(memory))
			} else {
				c.buffer(memory)
			}
			return memory
		case "of":
			continue
		default:
			r.t.Fatalf("step %d: an argument of the unknown kind %s", r.step, kind)
		}
		return nil
	}
	return nil
}

func (r *replay) call(step object) string {
	name := step["call"].(string)
	succeeds := step["status"] == nil || integerOf(step["status"]) == 0
	if of, ok := r.inUse[name]; ok && succeeds { // what a frame carries
		previous := *of
		*of = r.rawOf(step["arguments"].([]any)[0].(object)["handle"])
		if wanted, ok := step["results"].([]any)[0].(object)["handle"]; ok && wanted == nil && previous != 0 {
			return "one was in use"
		}
		return ""
	}
	if r.typed && r.scope == 0 && r.token == 0 {
		if done, problem := r.callTyped(step); done {
			return problem
		}
	}
	c := begin(context.Background(), name+"\x00")
	defer c.end()
	c.frame.state = r.state
	c.frame.scope, c.frame.token = r.scope, r.token
	var memory [][]byte
	arguments, _ := step["arguments"].([]any)
	for _, argument := range arguments {
		if made := r.put(c, argument.(object)); made != nil {
			memory = append(memory, made)
		}
	}
	f := &c.frame
	if strings.HasPrefix(name, "tg_last_error") || name == "tg_error_set" || r.inUse[name] != nil {
		f = nil // of the thread, which the test has locked
	}
	err := c.runIn(f)
	if name == "tg_error_set" { // by name, the status that it gives is the status of the call
		if want := step["results"].([]any)[0].(object)["int64"]; int64(CodeOf(err)) != integerOf(want) {
			return fmt.Sprint(err)
		}
		return ""
	}
	want := Status(0)
	if step["status"] != nil {
		want = Status(integerOf(step["status"]))
	}
	if CodeOf(err) != want {
		return fmt.Sprintf("status %d: %v", CodeOf(err), err)
	}
	if err != nil {
		message, _ := step["message"].(string)
		if f != nil && !strings.Contains(err.Error(), message) {
			return "the message is " + err.Error()
		}
		return ""
	}
	r.state = c.frame.state
	ends, _ := step["ends"].([]any)
	for _, ended := range ends {
		r.stale[ended.(string)] = r.rawOf(ended)
		delete(r.live, ended.(string))
	}
	results, _ := step["results"].([]any)
	if len(results) != int(c.given) {
		return fmt.Sprintf("%d results", c.given)
	}
	for i, expected := range results {
		if problem := r.result(c, i, expected.(object)); problem != "" {
			return fmt.Sprintf("result %d: %s", i, problem)
		}
	}
	if name == "tg_scope_enter" {
		r.enclosing[c.handleAt(0)] = r.scope
		r.scope = c.handleAt(0)
	}
	if name == "tg_scope_exit" {
		r.scope = r.enclosing[r.scope]
	}
	buffers, _ := step["buffers"].([]any)
	for i, expected := range buffers {
		if problem := r.memory(memory[i], expected.(object)); problem != "" {
			return fmt.Sprintf("buffer %d: %s", i, problem)
		}
	}
	return ""
}

func near(got, want float64, step object) bool {
	tolerance := 0.0
	if step["tolerance"] != nil {
		tolerance = doubleOf(step["tolerance"])
	}
	return got == want || (got != got && want != want) ||
		math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func (r *replay) result(c *call, i int, expected object) string {
	kinds := map[string]int32{"handle": ValueHandle, "int64": ValueInt64, "double": ValueDouble,
		"text": ValueText}
	for kind, want := range expected {
		if wanted, ok := kinds[kind]; ok && c.results[i].kind != wanted {
			return fmt.Sprintf("the kind %d", c.results[i].kind)
		}
		switch kind {
		case "handle":
			if name, ok := want.(string); ok && c.handleAt(i) != 0 {
				r.live[name] = c.handleAt(i)
			} else if ok || c.handleAt(i) != 0 {
				return fmt.Sprintf("the handle %d", c.handleAt(i))
			}
		case "int64":
			if c.integerAt(i) != integerOf(want) {
				return fmt.Sprint(c.integerAt(i))
			}
		case "double":
			if !near(c.numberAt(i), doubleOf(want), expected) {
				return fmt.Sprint(c.numberAt(i))
			}
		case "text":
			if c.stringAt(i) != want.(string) {
				return c.stringAt(i)
			}
		case "any", "tolerance":
		default:
			return "a result of the unknown kind " + kind
		}
	}
	return ""
}

// memory compares what a call has written into a buffer.
func (r *replay) memory(data []byte, expected object) string {
	if want, ok := expected["text"].(string); ok {
		got, _, _ := strings.Cut(string(data), "\x00")
		if got != want {
			return got
		}
	}
	if want, ok := expected["int64_array"].([]any); ok {
		if !bytes.HasPrefix(data, packed("int64", want)) {
			return fmt.Sprint(unpacked("int64", data))
		}
	}
	if want, ok := expected["handle_array"].([]any); ok {
		for i, name := range want {
			handle := *(*uint64)(unsafe.Pointer(&data[8*i]))
			if (name == nil) != (handle == 0) {
				return fmt.Sprintf("the handle %d at %d", handle, i)
			}
			if name != nil {
				r.live[name.(string)] = handle
			}
		}
	}
	if want, ok := expected["values"].([]any); ok {
		for _, dtype := range []string{"bool", "int16", "float32", "float64"} {
			if len(data) == len(want)*sizes[dtype] && valuesEqual(unpacked(dtype, data), want) {
				return ""
			}
		}
		for _, dtype := range []string{"int8", "int32", "int64"} {
			if len(data) == len(want)*sizes[dtype] && valuesEqual(unpacked(dtype, data), want) {
				return ""
			}
		}
		return fmt.Sprintf("bytes %v", data)
	}
	return ""
}

func valuesEqual(got []float64, want []any) bool {
	for i := range got {
		if !near(got[i], doubleOf(want[i]), object{}) {
			return false
		}
	}
	return true
}

// ask calls a question of one handle, by name.
func (r *replay) ask(name string, handle uint64) int64 {
	c := begin(context.Background(), name+"\x00")
	defer c.end()
	c.handle(handle)
	must(r.t, c.run())
	return c.integerAt(0)
}

func (r *replay) check(step object) string {
	handle := r.rawOf(step["tensor"])
	dtype := step["dtype"].(string)
	numbers := map[string]DType{"float32": Float32, "float64": Float64, "int8": Int8,
		"int16": Int16, "int32": Int32, "int64": Int64, "uint8": UInt8, "bool": Bool}
	if got := DType(r.ask("tg_tensor_dtype", handle)); got != numbers[dtype] {
		return fmt.Sprintf("dtype %d", got)
	}
	for _, flag := range []string{"requires_grad", "is_leaf", "is_inference"} {
		if got := r.ask("tg_tensor_"+flag, handle); step[flag] != nil && got != integerOf(step[flag]) {
			return fmt.Sprintf("%s is %d", flag, got)
		}
	}
	shape := step["shape"].([]any)
	if rank := r.ask("tg_tensor_rank", handle); int(rank) != len(shape) {
		return fmt.Sprintf("rank %d", rank)
	}
	for dim, want := range shape {
		c := begin(context.Background(), "tg_tensor_size\x00")
		c.handle(handle)
		c.integer(int64(dim))
		must(r.t, c.run())
		got := c.integerAt(0)
		c.end()
		if got != integerOf(want) {
			return fmt.Sprintf("size %d of dim %d", got, dim)
		}
	}
	values := step["values"].([]any)
	data := make([]byte, len(values)*sizes[dtype])
	c := begin(context.Background(), "tg_tensor_copy_out\x00")
	defer c.end()
	c.handle(handle)
	c.buffer(data)
	must(r.t, c.run())
	for i, got := range unpacked(dtype, data) {
		if !near(got, doubleOf(values[i]), step) {
			return fmt.Sprintf("value %d is %v", i, got)
		}
	}
	return ""
}
