// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// callTyped makes a step's call through the method or function of this package. It leaves the step
// to the call by name (done is false) where Go's types cannot say what the step says: a handle that
// is none, a boolean of 7.
func (r *replay) callTyped(step object) (done bool, problem string) {
	function, ok := Functions[step["call"].(string)]
	if !ok {
		return false, ""
	}
	f := reflect.ValueOf(function)
	given, _ := step["arguments"].([]any)
	parameters := []reflect.Value{}
	takes := []reflect.Type{}
	context_ := reflect.TypeFor[context.Context]()
	for i := range f.Type().NumIn() {
		if f.Type().In(i) != context_ {
			takes = append(takes, f.Type().In(i))
		}
	}
	var memory []byte // of copy_out
	for i, argument := range given {
		if argument.(object)["buffer"] != nil && argument.(object)["of"] != nil {
			of := argument.(object)["of"].(string)
			if i >= len(takes) || takes[i] != reflect.TypeFor[[]byte]() || of == "text" {
				if isTooLittle(step, argument.(object)) { // methods never give that
					return false, ""
				}
				takes = append(takes[:i], append([]reflect.Type{nil}, takes[i:]...)...)
				continue
			}
			memory = make([]byte, int(integerOf(argument.(object)["buffer"]))*sizes[of])
			parameters = append(parameters, reflect.ValueOf(memory))
			continue
		}
		if i >= len(takes) { // asks how much room it takes
			return false, ""
		}
		value, ok := r.valueOf(argument.(object), takes[i])
		if !ok {
			return false, ""
		}
		parameters = append(parameters, value)
	}
	if len(parameters) != f.Type().NumIn()-1 {
		return false, ""
	}
	ctx := context.WithValue(context.Background(), taskKey{}, task{state: r.state})
	at := 0
	for i := range f.Type().NumIn() {
		if f.Type().In(i) == context_ {
			at = i
		}
	}
	all := append(append(append([]reflect.Value{}, parameters[:at]...), reflect.ValueOf(ctx)), parameters[at:]...)
	r.throughType++
	results := f.Call(all)
	err, _ := results[len(results)-1].Interface().(error)
	want := Status(0)
	if step["status"] != nil {
		want = Status(integerOf(step["status"]))
	}
	if CodeOf(err) != want {
		return true, fmt.Sprintf("status %d: %v", CodeOf(err), err)
	}
	if err != nil {
		if message, _ := step["message"].(string); !strings.Contains(err.Error(), message) {
			return true, "the message is " + err.Error()
		}
		return true, ""
	}
	expected, _ := step["results"].([]any)
	buffers, _ := step["buffers"].([]any)
	for i, result := range results[:len(results)-1] {
		var want object
		switch {
		case len(buffers) > 0 && memory == nil:
			want = buffers[0].(object)
		case i < len(expected):
			want = expected[i].(object)
		}
		if problem := r.typedResult(result, want); problem != "" {
			return true, fmt.Sprintf("result %d: %s", i, problem)
		}
	}
	if memory != nil && len(buffers) > 0 {
		return true, r.memory(memory, buffers[0].(object))
	}
	return true, ""
}

// isTooLittle: the step gives less room than the call asks for.
func isTooLittle(step, room object) bool {
	if step["status"] != nil && integerOf(step["status"]) != 0 {
		return true
	}
	results := step["results"].([]any)
	if len(results) == 0 {
		return false
	}
	needed := results[len(results)-1].(object)["int64"]
	return room["of"] == "text" && needed != nil && integerOf(needed) >= integerOf(room["buffer"])
}

// valueOf says an argument in a Go type; false where it cannot be said.
func (r *replay) valueOf(given object, wanted reflect.Type) (reflect.Value, bool) {
	none := reflect.Zero(wanted)
	for kind, v := range given {
		switch kind {
		case "none":
			nilable := wanted.Kind() == reflect.Slice || wanted.Kind() == reflect.Pointer
			return none, nilable
		case "handle":
			owner := r.ownerOf(v.(string), wanted)
			return owner, owner.IsValid()
		case "int64":
			if wanted.Kind() == reflect.Bool {
				return reflect.ValueOf(integerOf(v) == 1), integerOf(v) == 0 || integerOf(v) == 1
			}
			if !none.CanInt() && !none.CanUint() {
				return none, false
			}
			return reflect.ValueOf(integerOf(v)).Convert(wanted), true
		case "double":
			return reflect.ValueOf(doubleOf(v)), wanted.Kind() == reflect.Float64
		case "text":
			if text := v.(string); wanted.Kind() == reflect.Pointer {
				return reflect.ValueOf(&text), true
			}
			return reflect.ValueOf(v), wanted.Kind() == reflect.String
		case "int64_array":
			items := []int64{}
			for _, item := range v.([]any) {
				items = append(items, integerOf(item))
			}
			return reflect.ValueOf(items), wanted == reflect.TypeOf(items)
		case "handle_array":
			items := reflect.MakeSlice(wanted, 0, 0)
			for _, item := range v.([]any) {
				owner := reflect.Zero(wanted.Elem())
				if item != nil {
					owner = r.ownerOf(item.(string), wanted.Elem())
				}
				if !owner.IsValid() {
					return none, false
				}
				items = reflect.Append(items, owner)
			}
			return items, true
		case "bytes":
			memory := v.(object)
			data := packed(memory["dtype"].(string), memory["values"].([]any))
			return reflect.ValueOf(data), wanted == reflect.TypeFor[[]byte]()
		default:
			return none, false
		}
	}
	return none, false
}

// ownerOf lends the handle of a name to a box that nothing collects: the kit releases by name.
func (r *replay) ownerOf(name string, wanted reflect.Type) reflect.Value {
	handle := r.rawOf(name)
	if wanted.Kind() == reflect.Interface {
		wanted = reflect.TypeFor[*Tensor]()
	}
	if wanted.Kind() != reflect.Pointer || !wanted.Implements(reflect.TypeFor[Handle]()) {
		return reflect.Value{}
	}
	owner := reflect.New(wanted.Elem())
	lend(owner.Interface().(Handle)).handle.Store(handle)
	return owner
}

// lend gives the box of an owner, which is its only field.
func lend(owner Handle) *box { return (*box)(reflect.ValueOf(owner).UnsafePointer()) }

func (r *replay) takeOver(owner Handle) uint64 {
	return lend(owner).handle.Swap(0)
}

func (r *replay) typedResult(got reflect.Value, want object) string {
	if owner, ok := got.Interface().(Handle); ok {
		name, named := want["handle"].(string)
		if got.IsNil() == named {
			return fmt.Sprintf("%v", got)
		}
		if named {
			r.live[name] = r.takeOver(owner)
		}
		return ""
	}
	if want["any"] != nil {
		return ""
	}
	equal := false
	switch got.Kind() {
	case reflect.String:
		equal = want["text"] == got.String()
	case reflect.Bool:
		equal = integerOf(want["int64"]) == number(got.Bool())
	case reflect.Float64:
		equal = near(got.Float(), doubleOf(want["double"]), want)
	case reflect.Slice:
		if items, ok := got.Interface().([]int64); ok {
			return r.memory(bytesOf(items), want)
		}
		names := want["handle_array"].([]any)
		for len(names) > got.Len() && names[len(names)-1] == nil {
			names = names[:len(names)-1] // places that the call left empty
		}
		if len(names) != got.Len() {
			return fmt.Sprintf("%d handles", got.Len())
		}
		for i, name := range names {
			if problem := r.typedResult(got.Index(i), object{"handle": name}); problem != "" {
				return problem
			}
		}
		return ""
	default:
		equal = want["int64"] != nil && fmt.Sprint(got) == fmt.Sprint(integerOf(want["int64"]))
	}
	if !equal {
		return fmt.Sprint(got)
	}
	return ""
}
