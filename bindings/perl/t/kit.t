# SPDX-License-Identifier: MIT
# The conformance kit, replayed through the table that is made of api.json. Files go to KIT_FILES.
use strict;
use warnings;
use FFI::Platypus::Buffer qw(scalar_to_pointer);
use JSON::PP;
use Test::More;
use Tapegrad;

my %dtypes = (float32 => [1, 'f'], float64 => [2, 'd'], int8 => [5, 'c'], int16 => [6, 's'],
  int32 => [7, 'l'], int64 => [8, 'q'], uint8 => [9, 'C'], bool => [10, 'C']);
my (%live, %stale, $number);
my ($start) = (Tapegrad::raw('tg_live_handles'))[1];

sub differ { die "step $number: @_\n" }

sub near {
  my ($got, $wanted, $tolerance) = @_;
  ($got, $wanted) = map { $_ + 0 } $got, $wanted; # "inf" and "nan" are numbers of Perl
  return 1 if $got == $wanted || ($got != $got && $wanted != $wanted);
  my $scale = abs($wanted) > 1 ? abs($wanted) : 1;
  return abs($got - $wanted) <= ($tolerance // 0) * $scale;
}

sub handle_of { my ($name) = @_; defined $name ? $live{$name} // differ("there is no $name") : 0 }

sub input {
  my ($given) = @_;
  my ($kind) = grep { $_ ne 'of' } keys %$given;
  my $v = $given->{$kind};
  return undef if $kind eq 'none';
  return handle_of($v) if $kind eq 'handle';
  return $stale{$v} if $kind eq 'stale';
  return $v + 0 if $kind =~ /^(raw_handle|int64|double)$/;
  return bytes_of($v) if $kind eq 'text';
  return "$ENV{KIT_FILES}/$v" if $kind eq 'path';
  return $v if $kind eq 'int64_array';
  return [map { handle_of($_) } @$v] if $kind eq 'handle_array';
  return pack("$dtypes{$v->{dtype}}[1]*", map { $_ + 0 } @{$v->{values}}) if $kind eq 'bytes';
  differ("an argument of the unknown kind $kind") if $kind ne 'buffer';
  my $of = $given->{of};
  my $each = $of eq 'text' ? 1 : $of eq 'handle' ? 8 : length pack $dtypes{$of}[1], 0;
  my $memory = "\0" x ($v * $each);
  return \$memory;
}
sub bytes_of { my ($text) = @_; utf8::encode($text); $text }

sub result {
  my ($got, $expected) = @_;
  if (exists $expected->{handle}) {
    differ("the handle $got") if !$got != !defined $expected->{handle};
    $live{$expected->{handle}} = $got if $got;
  } elsif (exists $expected->{int64}) {
    differ("the integer $got") if $got != $expected->{int64};
  } elsif (exists $expected->{double}) {
    differ("the number $got") if !near($got, $expected->{double}, $expected->{tolerance});
  } elsif (exists $expected->{text}) {
    differ("the text $got") if $got ne bytes_of($expected->{text});
  } elsif (!$expected->{any}) {
    differ('a result of an unknown kind');
  }
}

sub buffer {
  my ($memory, $of, $expected) = @_;
  if (exists $expected->{text}) {
    my $got = unpack 'Z*', $memory;
    differ("the text $got") if $got ne bytes_of($expected->{text});
  }
  my @integers = @{$expected->{int64_array} // []};
  differ('other integers') if $memory !~ /^\Q${\pack 'q*', @integers}/;
  if (my $values = $expected->{values}) {
    my @got = unpack "$dtypes{$of}[1]*", $memory;
    near($got[$_], $values->[$_]) or differ("value $_ is $got[$_]") for 0 .. $#$values;
  }
  my @handles = unpack 'Q*', $memory;
  for my $name (@{$expected->{handle_array} // []}) {
    result(shift @handles, {handle => $name});
  }
}

sub call {
  my ($step) = @_;
  my @inputs = map { input($_) } @{$step->{arguments}};
  my ($status, @results) = Tapegrad::raw($step->{call}, @inputs);
  my $message = (Tapegrad::raw('tg_last_error_message'))[1];
  my $wanted = $step->{status} // 0;
  differ("status $status: $message") if $status != $wanted;
  if ($wanted) {
    differ("said: $message") if index($message, bytes_of($step->{message})) < 0;
    return;
  }
  differ(scalar(@results), 'results') if @results != @{$step->{results}};
  result($results[$_], $step->{results}[$_]) for 0 .. $#results;
  my @rooms = grep { exists $step->{arguments}[$_]{buffer} } 0 .. $#inputs;
  for my $expected (@{$step->{buffers} // []}) {
    my $room = shift @rooms;
    buffer(${$inputs[$room]}, $step->{arguments}[$room]{of}, $expected);
  }
  $stale{$_} = delete $live{$_} for @{$step->{ends} // []};
}

sub ask { my ($status, $got) = Tapegrad::raw(@_); differ("$_[0] gives $status") if $status; $got }

sub tensor {
  my ($step) = @_;
  my $x = handle_of($step->{tensor});
  my ($dtype, $letter) = @{$dtypes{$step->{dtype}}};
  differ('another dtype') if ask('tg_tensor_dtype', $x) != $dtype;
  for my $flag (qw(requires_grad is_leaf is_inference)) {
    differ("$flag is other") if ask("tg_tensor_$flag", $x) != $step->{$flag};
  }
  my $sizes = "\0" x 128;
  my $rank = ask('tg_tensor_shape', $x, \$sizes);
  my @shape = unpack "q$rank", $sizes;
  differ("the shape [@shape]") if "@shape" ne "@{$step->{shape}}";
  my @values = @{$step->{values}};
  my $memory = "\0" x length pack "$letter*", (0) x @values;
  ask('tg_tensor_copy_out', $x, \$memory);
  my @got = unpack "$letter*", $memory;
  near($got[$_], $values[$_], $step->{tolerance}) or differ("value $_ is $got[$_]") for 0 .. $#got;
}

open my $file, '<', '../kit/kit.json' or die;
my $kit = JSON::PP->new->utf8->decode(do { local $/; <$file> });
$number = 0;
my $done = eval {
  for my $step (@{$kit->{steps}}) {
    if ($step->{call}) {
      call($step);
    } elsif ($step->{tensor}) {
      tensor($step);
    } else {
      my $live = (Tapegrad::raw('tg_live_handles'))[1] - $start;
      differ("$live live handles") if $live != $step->{live_handles};
    }
    ++$number;
  }
  1;
};
ok($done, "$number steps of the kit without a difference") or diag($@);
cmp_ok($number, '>', 100, 'the kit has its steps');
done_testing();
