// SPDX-License-Identifier: MIT

package tapegrad

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ebitengine/purego"
)

// Handle is a Tensor, Module, Optimizer, Generator, Dict, Node or Object.
type Handle interface {
	// Release ends the handle now instead of when the garbage collector finds that nothing leads
	// to it. Twice is fine.
	Release()
	raw() uint64
}

// box owns one handle, which ends once: by Release, or by the finalizer, which the runtime runs on
// a goroutine of its own. It must not be copied.
type box struct {
	handle atomic.Uint64
	// Objects under 16 bytes share a block, and a finalizer waits until the whole block is garbage.
	_ uint64
}

// hold gives owner, in which the box is, its handle. A finalizer costs less here than a cleanup,
// and owner leads to nothing else.
func hold[T any](owner *T, b *box, handle uint64, finalizer func(*T)) *T {
	b.handle.Store(handle)
	runtime.SetFinalizer(owner, finalizer)
	watchMemory()
	return owner
}

func drop[T any](owner *T, b *box) {
	if handle := b.handle.Swap(0); handle != 0 {
		runtime.SetFinalizer(owner, nil)
		release(handle)
	}
}

func release(handle uint64) { purego.SyscallN(library.release, uintptr(handle)) }

// The garbage collector sees the boxes, a few bytes each, and not the tensors behind them. So now
// and then a new handle asks how much the library holds, and where that has doubled since the last
// collection it asks for one.
const (
	watchEvery   = 512
	watchAtLeast = 64 << 20
)

var (
	made       atomic.Uint32
	watchLimit atomic.Uint64
)

func watchMemory() {
	if made.Add(1)%watchEvery != 0 {
		return
	}
	held, _, _ := purego.SyscallN(library.memoryCurrent)
	limit := max(watchLimit.Load(), watchAtLeast)
	if uint64(held) < limit || !watchLimit.CompareAndSwap(watchLimit.Load(), ^uint64(0)) {
		return
	}
	collect()
	held, _, _ = purego.SyscallN(library.memoryCurrent)
	watchLimit.Store(max(2*uint64(held), watchAtLeast))
}

// collect runs the garbage collector, and the finalizers of what it has found. The second round's
// own finalizer runs after those of the first.
func collect() {
	for range 2 {
		ran := make(chan struct{})
		runtime.SetFinalizer(&sentinel{ran}, func(*sentinel) { close(ran) })
		runtime.GC()
		select {
		case <-ran:
		case <-time.After(time.Second):
		}
	}
}

type sentinel struct{ ran chan struct{} }

// rawAll gives the handles of many; nil stays nil, and a nil element is 0.
func rawAll[H interface {
	comparable
	raw() uint64
}](items []H) []uint64 {
	if items == nil {
		return nil
	}
	handles := make([]uint64, len(items), len(items)+1)
	for i, item := range items {
		handles[i] = item.raw()
	}
	return handles
}
