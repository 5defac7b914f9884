# SPDX-License-Identifier: MIT
# Operators, errors, modes as blocks, the ends of objects.
use strict;
use warnings;
use Test::More;
use Tapegrad;

{
  my $x = Tapegrad::tensor([[1, 2], [3, 4]], requires_grad => 1, dtype => Tapegrad::TG_FLOAT64);
  my $y = ($x * $x + 2 * $x - $x / 2 + (1 - $x) * 3 - $x**2 + 6 / $x + -$x)->sum;
  cmp_ok(abs($y->item - (12 - 25 + 6 * (1 + 1 / 2 + 1 / 3 + 1 / 4))), '<', 1e-9, 'operators');
  $y->backward;
  cmp_ok(abs($x->grad->to_list->[1] - (-2.5 - 6 / 4)), '<', 1e-9, 'a gradient');
  is_deeply($x->shape, [2, 2], 'a shape');
  is("$x", "tensor([[1., 2.],\n        [3., 4.]], dtype=float64, requires_grad=True)", 'printed');
  my ($values, $indices) = $x->max_dim(1, 0);
  is_deeply([$values->to_list, $indices->to_list], [[2, 4], [1, 1]], 'two results');
  is(scalar @{Tapegrad::arange(0, 600, 1, Tapegrad::TG_FLOAT32)->split(1, 0)}, 600, 'many results');
  my $gradients = Tapegrad::grad([$x->sum, $x->mul($x)->sum], undef, [$x], 0);
  is_deeply($gradients->[0]->to_list, [3, 5, 7, 9], 'grad');
  $x->set_name('x' x 5000);
  is(length $x->name, 5000, 'a long text');
}
{
  my $a = Tapegrad::ones(Tapegrad::TG_FLOAT32, [2, 3]);
  ok(!eval { $a->mm(Tapegrad::ones(Tapegrad::TG_FLOAT32, [4, 5])); 1 }, 'a failing call dies');
  my $error = $@;
  isa_ok($error, 'Tapegrad::Error');
  is($error->code, Tapegrad::TG_ERROR_SHAPE, 'its code');
  is($error->name, 'TG_ERROR_SHAPE', 'its name');
  like("$error", qr/\[2, 3\].*\[4, 5\]/, 'its message');
  $a->release;
  for my $rows ([[1, 2], [3]], [1, [2]], [[1], 2], [[1, 2], [3], [4, 5, 6]]) {
    ok(!eval { Tapegrad::tensor($rows); 1 } && $@->code == Tapegrad::TG_ERROR_SHAPE, 'uneven rows');
  }
  ok(!eval { $a->neg; 1 } && $@->code == Tapegrad::TG_ERROR_INVALID_HANDLE, 'a released tensor');
}
{
  my $x = Tapegrad::tensor([1, 2], requires_grad => 1);
  my $y = Tapegrad::inference_mode { $x * 2 };
  is($y->requires_grad, 0, 'inference mode');
  is(Tapegrad::is_inference_mode_enabled(), 0, 'ends with its block');
  ok(!eval { Tapegrad::no_grad { die "from inside\n" } } && $@ eq "from inside\n", 'errors pass');
  is(Tapegrad::is_grad_enabled(), 1, 'the mode ends where the block dies');
  is((Tapegrad::no_grad { $x * 2 })->is_leaf, 1, 'no_grad');
}

sub resident_kib {
  open my $status, '<', '/proc/self/status' or return 0;
  my ($line) = grep { /^VmRSS:/ } <$status>;
  return $line =~ /(\d+)/ ? $1 : 0;
}
my $before;
for my $i (1 .. 110_000) { # the first 10,000 warm up; 4 KiB each
  $before = resident_kib() if $i == 10_000;
  my $x = Tapegrad::ones(Tapegrad::TG_FLOAT32, [1024]);
}
cmp_ok(resident_kib() - $before, '<', 8192, 'memory stays flat over 100,000 tensors');
is(Tapegrad::live_handles(), 0, 'every handle has ended');
done_testing();
