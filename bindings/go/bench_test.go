// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"syscall"
	"testing"
)

// What one small call costs: add of 8 floats in each mode, its result released. In processor time
// of the whole process: that of the garbage collector is in it.
func BenchmarkGo(b *testing.B) {
	plain := context.Background()
	for _, mode := range []struct {
		name string
		ctx  context.Context
	}{{"inference", Must(InferenceMode(plain, true))}, {"no_grad", Must(NoGrad(plain))},
		{"grad", plain}} {
		x := Must(FromSlice(mode.ctx, []float32{1, 2, 3, 4, 5, 6, 7, 8}, mode.name != "inference"))
		y := Must(Ones(mode.ctx, Float32, []int64{8}))
		b.Run(mode.name, func(b *testing.B) {
			start := processorTime()
			for b.Loop() {
				Must(x.Add(mode.ctx, y)).Release()
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N), "ns/op")
		})
	}
}

// processorTime is in nanoseconds.
func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
