# SPDX-License-Identifier: MIT
# The four examples of examples/c and its digits network: the same lines, the same loss to the last
# bit. KIT_FOLDER has what the C programs gave.
use strict;
use warnings;
use Test::More;
use Tapegrad;

my $output = '';
sub say_line { $output .= join '', @_, "\n" }
sub truth { $_[0] ? 'True' : 'False' }
sub size_of { 'torch.Size([' . join(', ', @{$_[0]->shape}) . '])' }
sub linear { Tapegrad::nn_linear(@_, 1, Tapegrad::TG_FLOAT32) }
sub randn { Tapegrad::randn(undef, Tapegrad::TG_FLOAT32, [@_]) }
sub reference {
  my ($name) = @_;
  open my $file, '<', "$ENV{KIT_FOLDER}/$name" or die "KIT_FOLDER has no $name";
  return join '', <$file>;
}

{
  my $x = Tapegrad::tensor([1, 2, 3], requires_grad => 1);
  my $y = Tapegrad::inference_mode { $x * 2 };
  say_line('在 inference_mode 中: ', truth($y->requires_grad));
  my $z = Tapegrad::no_grad { $x * 2 };
  say_line('在 no_grad 中: ', truth($z->requires_grad));
}
{
  my $tenfold = sub {
    my $x = randn(100, 100);
    $x = $x->mm($x) for 1 .. 10;
    return $x->sum;
  };
  say_line('在 inference_mode 中: ', truth((Tapegrad::inference_mode { $tenfold->() })->is_leaf));
  say_line('在 no_grad 中: ', truth((Tapegrad::no_grad { $tenfold->() })->is_leaf));
}
{
  my $net = Tapegrad::nn_sequential([linear(10, 20), Tapegrad::nn_relu(), linear(20, 5)]);
  $net->eval;
  my $input = randn(100, 10);
  my $predict = sub { Tapegrad::inference_mode { $net->forward($input) } };
  my $result = Tapegrad::inference_mode { $net->forward($input) };
  say_line('输出形状: ', size_of($result));
  say_line('输出 requires_grad: ', truth($result->requires_grad));
  say_line('装饰器方式 - 输出形状: ', size_of($predict->()));
}
{
  my $net = Tapegrad::nn_sequential([linear(1000, 1000), Tapegrad::nn_relu(), linear(1000, 1000),
    Tapegrad::nn_relu(), linear(1000, 10)]);
  my $x = randn(50, 1000);
  my $measure = sub {
    Tapegrad::memory_peak_reset();
    my $before = Tapegrad::memory_current();
    my $y = $net->forward($x);
    say_line('peak ', Tapegrad::memory_peak() - $before, ' bytes, kept ',
      Tapegrad::memory_current() - $before, ' bytes');
  };
  say_line('不使用任何上下文管理器:');
  $measure->();
  say_line("\n使用 no_grad:");
  Tapegrad::no_grad { $measure->() };
  say_line("\n使用 inference_mode:");
  Tapegrad::inference_mode { $measure->() };
}
is($output, reference('seed.txt'), 'the examples print the lines of the C programs');

my ($rows, $batch, @pixels, @digits) = (1437, 32);
open my $file, '<', '../../examples/data/digits.csv' or die;
for (1 .. $rows) {
  my @numbers = split /,/, <$file>;
  push @digits, pop @numbers;
  push @pixels, [map { $_ / 16 } @numbers];
}
my $images = Tapegrad::tensor(\@pixels);
my $labels = Tapegrad::tensor(\@digits, dtype => Tapegrad::TG_INT64);
Tapegrad::manual_seed(0);
my $net = Tapegrad::nn_sequential([linear(64, 128), Tapegrad::nn_relu(), linear(128, 10)]);
my $adam = Tapegrad::optim_adam([map { $net->parameter_at($_) } 0 .. $net->parameter_count - 1], 5e-3);
$net->train(1);
my $loss;
for (1 .. 50) {
  my $order = Tapegrad::randperm(undef, $rows);
  my $sum = 0;
  for (my $start = 0; $start < $rows; $start += $batch) {
    my $length = $rows - $start < $batch ? $rows - $start : $batch;
    my $chosen = $order->narrow(0, $start, $length);
    my $scores = $net->forward($images->index_select(0, $chosen));
    my $step = $scores->cross_entropy($labels->index_select(0, $chosen), undef, -100,
      Tapegrad::TG_REDUCTION_MEAN, 0);
    $adam->zero_grad;
    $step->backward;
    $adam->step;
    $sum += $step->item * $length;
  }
  $loss = $sum / $rows;
}
is(sprintf('%016x', unpack 'Q', pack 'd', $loss) . "\n", reference('digits.txt'),
  'the digits network ends with the loss of the C program, bit for bit');
done_testing();
