// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

func TestALogGetsTheMessageOfEachCallThatFails(t *testing.T) {
	ctx := context.Background()
	x, y := Must(Ones(ctx, Float32, []int64{2, 3})), Must(Ones(ctx, Float32, []int64{4}))
	var lines, others atomic.Int32
	must(t, SetLog(func(level int32, text string) {
		if level == LogError && strings.HasPrefix(text, "tg_add: ") && strings.Contains(text, "[4]") {
			lines.Add(1)
		} else {
			others.Add(1)
		}
		Must(x.Neg(ctx)).Release() // it may call the library
		if lines.Load()%100 == 0 {
			panic("of the log")
		}
	}))
	defer SetLog(nil)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 100 {
				if _, err := x.Add(ctx, y); CodeOf(err) != ErrorShape ||
					!strings.HasPrefix(err.Error(), "tg_add: ") {
					t.Errorf("the call that was logged gave %v", err)
				}
			}
		})
	}
	workers.Wait()
	if lines.Load() != 800 || others.Load() != 0 {
		t.Errorf("%d lines of 800, %d others", lines.Load(), others.Load())
	}
	must(t, SetLog(nil))
	x.Add(ctx, y)
	if lines.Load() != 800 {
		t.Error("a log that was taken away was called")
	}
}

// A thread that Go did not make, as of a program in another language: its whole life is a call that
// fails.
func TestALogIsCalledOnAThreadThatGoDidNotMake(t *testing.T) {
	must(t, Load(""))
	libc := Must(purego.Dlopen("libc.so.6", purego.RTLD_NOW))
	tapegrad := Must(purego.Dlopen(os.Getenv("TG_LIBRARY"), purego.RTLD_NOW))
	create, join := Must(purego.Dlsym(libc, "pthread_create")), Must(purego.Dlsym(libc, "pthread_join"))
	backward := Must(purego.Dlsym(tapegrad, "tg_backward"))
	lines := make(chan string, 10)
	must(t, SetLog(func(_ int32, text string) { lines <- text }))
	defer SetLog(nil)
	for range 10 {
		thread := new(uintptr)
		if failed, _, _ := purego.SyscallN(create, uintptr(unsafe.Pointer(thread)), 0, backward, 5); failed != 0 {
			t.Fatal("no thread could be made")
		}
		purego.SyscallN(join, *thread, 0)
		if text := <-lines; !strings.HasPrefix(text, "tg_backward: ") {
			t.Errorf("the log says %q", text)
		}
	}
}

func TestWhereMemoryIsScarceAFunctionIsAsked(t *testing.T) {
	settle(t)
	ctx := context.Background()
	var kept []*Tensor
	for range 4 { // a MiB each
		kept = append(kept, Must(Zeros(ctx, Float32, []int64{1 << 18})))
	}
	before := Must(MemoryCurrent(ctx))
	must(t, MemoryLimitSet(ctx, before+1<<19))
	defer MemoryLimitSet(ctx, 0)
	asked, inside := 0, OK
	var current, wanted uint64
	must(t, SetMemoryPressure(func(c, w uint64) bool {
		asked++
		current, wanted = c, w
		_, err := kept[0].Sum(ctx)
		inside = CodeOf(err)
		last := len(kept) - 1
		kept[last].Release()
		kept = kept[:last]
		return true
	}, 0))
	defer SetMemoryPressure(nil, 0)
	Must(Zeros(ctx, Float32, []int64{1 << 18})).Release()
	if asked != 1 || current < before || wanted < 1<<20 || inside != ErrorMode {
		t.Errorf("asked %d times, with %d and %d, a sum inside gave %v", asked, current, wanted, inside)
	}
	must(t, SetMemoryPressure(nil, 0))
	if _, err := Zeros(ctx, Float32, []int64{1 << 22}); CodeOf(err) != ErrorOutOfMemory || asked != 1 {
		t.Errorf("16 MiB gave %v, asked %d times", err, asked)
	}
	must(t, MemoryLimitSet(ctx, 0))
	must(t, SetMemoryPressure(func(c, w uint64) bool { asked++; return true }, before))
	Must(Zeros(ctx, Float32, []int64{1 << 20})).Release()
	if asked != 2 {
		t.Errorf("above the soft limit it was asked %d times", asked-1)
	}
	for _, x := range kept {
		x.Release()
	}
}
