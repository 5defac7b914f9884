// SPDX-License-Identifier: MIT

package tapegrad_test

import (
	"context"
	"errors"
	"fmt"

	tg "tapegrad"
)

func Example() {
	ctx := context.Background()
	x := tg.Must(tg.FromSlice(ctx, []float32{1, 2, 3}, true))
	loss := tg.Must(tg.Must(x.Mul(ctx, x)).Sum(ctx))
	if err := loss.Backward(ctx); err != nil {
		panic(err)
	}
	fmt.Println(tg.Must(x.Grad(ctx)))

	inference := tg.Must(tg.InferenceMode(ctx, true)) // ctx itself stays as it is
	y := tg.Must(x.MulScalar(inference, 2))
	fmt.Println(tg.Must(y.RequiresGrad(ctx)))

	_, err := x.Mm(ctx, x)
	var failed *tg.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code == tg.ErrorShape, failed.Name())
	}
	// Output:
	// tensor([2., 4., 6.])
	// false
	// true TG_ERROR_SHAPE
}
