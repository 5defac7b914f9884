// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"math"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// value is tg_value. What lies behind an address is kept alive by the call that holds the value.
type value struct {
	kind  int32
	count uint32
	as    uint64
}

// frame is tg_frame.
type frame struct {
	size         uintptr
	state        uint64
	scope, token uint64
	text         uintptr
	textCapacity uintptr
	textLength   uintptr
}

const (
	mostArguments = 16
	mostResults   = 8
)

// call is one call by name: its values, its frame and the text of its error in one block of the
// heap, so that the addresses that the library gets stay where they are. Blocks are used again.
type call struct {
	frame     frame
	name      string // ends with NUL
	task      task   // keeps its token while the call runs
	used      int
	arguments [mostArguments]value
	results   [mostResults]value
	given     uintptr
	words     [7]uintptr                    // what tg_call takes, most of it addresses in this block
	kept      [mostArguments]unsafe.Pointer // what arguments point to
	text      [4096]byte
}

var calls = sync.Pool{New: func() any {
	c := new(call)
	c.frame.size = unsafe.Sizeof(c.frame)
	c.frame.text = uintptr(unsafe.Pointer(&c.text))
	c.frame.textCapacity = uintptr(len(c.text))
	c.words = [7]uintptr{0, 0, uintptr(unsafe.Pointer(&c.arguments)), 0,
		uintptr(unsafe.Pointer(&c.results)), mostResults, uintptr(unsafe.Pointer(&c.given))}
	return c
}}

func begin(ctx context.Context, name string) *call {
	c := calls.Get().(*call)
	c.name = name
	c.used = 0
	c.task = taskOf(ctx)
	c.frame.state, c.frame.scope, c.frame.token = c.task.state, 0, c.task.token.raw()
	return c
}

func (c *call) end() {
	clear(c.kept[:c.used])
	c.task = task{}
	calls.Put(c)
}

func (c *call) put(kind int32, count int, as uint64, kept unsafe.Pointer) {
	c.arguments[c.used] = value{kind, uint32(count), as}
	c.kept[c.used] = kept
	c.used++
}

func (c *call) none()            { c.put(ValueNone, 0, 0, nil) }
func (c *call) handle(h uint64)  { c.put(ValueHandle, 0, h, nil) }
func (c *call) integer(i int64)  { c.put(ValueInt64, 0, uint64(i), nil) }
func (c *call) number(d float64) { c.put(ValueDouble, 0, math.Float64bits(d), nil) }

func (c *call) boolean(b bool) {
	if b {
		c.integer(1)
	} else {
		c.integer(0)
	}
}

func (c *call) at(kind int32, count int, pointer unsafe.Pointer) {
	if pointer == nil {
		c.none()
	} else {
		c.put(kind, count, uint64(uintptr(pointer)), pointer)
	}
}

func (c *call) string(text string) {
	bytes := append([]byte(text), 0)
	c.at(ValueText, len(text), unsafe.Pointer(&bytes[0]))
}

func (c *call) optionalString(text *string) {
	if text == nil {
		c.none()
	} else {
		c.string(*text)
	}
}

func (c *call) integers(items []int64) { c.at(ValueInt64Array, len(items), address(items)) }
func (c *call) buffer(bytes []byte)    { c.at(ValueBuffer, len(bytes), address(bytes)) }

func (c *call) handles(items []uint64) { c.at(ValueHandleArray, len(items), address(items)) }

// address of the first element; an empty slice has one, a nil slice has none.
func address[T any](items []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(items)) }

// run calls the function. Of a failed call only counts and lengths are among the results.
// Where the library has no memory left, garbage may hold it: then once more after a collection.
func (c *call) run() error {
	err := c.runIn(&c.frame)
	if err != nil && CodeOf(err) == ErrorOutOfMemory {
		collect()
		err = c.runIn(&c.frame)
	}
	return err
}

// runIn without a frame calls in what the thread has; the caller has locked it.
func (c *call) runIn(f *frame) error {
	if err := Load(""); err != nil {
		return err
	}
	c.given = 0
	c.frame.textLength = 0
	c.results = [mostResults]value{}
	c.words[0] = uintptr(unsafe.Pointer(f)) // of this block too, or nil
	c.words[1] = uintptr(unsafe.Pointer(unsafe.StringData(c.name)))
	c.words[3] = uintptr(c.used)
	status, _, _ := purego.SyscallN(library.call, c.words[:]...)
	runtime.KeepAlive(c)
	if int32(status) != 0 {
		return c.failed(Status(int32(status)))
	}
	return nil
}

func (c *call) failed(status Status) error {
	length := min(int(c.frame.textLength), len(c.text)-1)
	message := string(c.text[:length])
	if message == "" {
		message = c.name[:len(c.name)-1] + ": " + status.String()
	}
	return &Error{Code: status, Message: message}
}

func (c *call) integerAt(i int) int64  { return int64(c.results[i].as) }
func (c *call) booleanAt(i int) bool   { return c.results[i].as != 0 }
func (c *call) numberAt(i int) float64 { return math.Float64frombits(c.results[i].as) }
func (c *call) handleAt(i int) uint64  { return c.results[i].as }

// stringAt copies a text that the library gave the address of.
func (c *call) stringAt(i int) string {
	pointer := *(**byte)(unsafe.Pointer(&c.results[i].as))
	if c.results[i].kind != ValueText || pointer == nil {
		return ""
	}
	return string(unsafe.Slice(pointer, c.results[i].count))
}

// grown runs ask with room for as many items as it turns out to need. ask gives the number.
func grown[T any](room int, ask func(items []T) (int64, error)) ([]T, error) {
	for {
		items := make([]T, room)
		count, err := ask(items)
		if int(count) > room && (err == nil || CodeOf(err) == ErrorLimit) {
			room = int(count)
			continue
		}
		if err != nil {
			return nil, err
		}
		return items[:count], nil
	}
}

// grownString is grown for texts, which the library ends with a NUL.
func grownString(ask func(bytes []byte) (int64, error)) (string, error) {
	bytes, err := grown(256, func(bytes []byte) (int64, error) {
		length, err := ask(bytes)
		return length + 1, err
	})
	if err != nil {
		return "", err
	}
	return string(bytes[:len(bytes)-1]), nil
}
