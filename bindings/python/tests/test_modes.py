# SPDX-License-Identifier: MIT
"""Modes: context managers, decorators, generators, threads, tasks."""

import asyncio
import contextlib
import contextvars
import gc
import random
import subprocess
import sys
import threading
import unittest
import warnings

import tapegrad as torch


def pair():
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled()


NORMAL, NO_GRAD, INFERENCE = (True, False), (False, False), (False, True)


class Managers(unittest.TestCase):
    def test_each_mode_holds_inside_and_ends_outside(self):
        for manager, inside in ((torch.no_grad(), NO_GRAD), (torch.enable_grad(), NORMAL),
                                (torch.inference_mode(), INFERENCE), (torch.inference_mode(False), NORMAL),
                                (torch.inference_mode(mode=False), NORMAL), (torch.set_grad_enabled(False), NO_GRAD),
                                (torch.set_grad_enabled(True), NORMAL)):
            with manager as given:
                self.assertIsNone(given)
                self.assertEqual(pair(), inside, manager)
            self.assertEqual(pair(), NORMAL, manager)

    def test_an_exception_leaves_the_mode(self):
        with self.assertRaises(ZeroDivisionError):
            with torch.inference_mode():
                1 / 0
        self.assertEqual(pair(), NORMAL)

    def test_modes_inside_each_other(self):
        with torch.inference_mode():
            with torch.inference_mode(False):
                self.assertEqual(pair(), NORMAL)
                with torch.no_grad():
                    self.assertEqual(pair(), NO_GRAD)
            self.assertEqual(pair(), INFERENCE)
            with torch.enable_grad():
                self.assertEqual(pair(), (True, True))
        self.assertEqual(pair(), NORMAL)

    def test_no_grad_and_inference_mode_are_not_nested_unless_allowed(self):
        for outer, inner in ((torch.no_grad, torch.inference_mode), (torch.inference_mode, torch.no_grad)):
            with outer():
                before = pair()
                with self.assertRaises(torch.Error) as caught:
                    with inner():
                        self.fail("entered")
                self.assertEqual(caught.exception.code, torch.ERROR_MODE)
                self.assertEqual(pair(), before)
                torch.mode_nesting_set(torch.NESTING_ALLOW)
                try:
                    with inner():
                        self.assertEqual(pair(), INFERENCE)
                finally:
                    torch.mode_nesting_set(torch.NESTING_REFUSE)
        self.assertEqual(pair(), NORMAL)

    def test_an_exit_without_its_entry_is_refused(self):
        with self.assertRaises(torch.Error) as caught:
            torch.no_grad().__exit__(None, None, None)
        self.assertEqual(caught.exception.code, torch.ERROR_MODE)
        with torch.no_grad():
            with self.assertRaises(torch.Error):
                torch.inference_mode().__exit__(None, None, None)
            self.assertEqual(pair(), NO_GRAD)

    def test_deep_stacks(self):
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(torch.no_grad())
                stack.enter_context(torch.enable_grad())
            self.assertEqual(pair(), NORMAL)
            stack.enter_context(torch.no_grad())
            self.assertEqual(pair(), NO_GRAD)
        self.assertEqual(pair(), NORMAL)

    def test_a_dropped_set_grad_enabled_warns_and_does_nothing(self):
        with self.assertWarnsRegex(RuntimeWarning, "set_grad_enabled.False. was neither entered"):
            torch.set_grad_enabled(False)
        self.assertEqual(pair(), NORMAL)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with torch.set_grad_enabled(False):
                pass
            torch.set_grad_enabled(False)(lambda: None)
            torch.no_grad(), torch.inference_mode()

    def test_wrong_arguments(self):
        for wrong in (lambda: torch.no_grad(1), lambda: torch.set_grad_enabled(), lambda: torch.inference_mode(1, 2),
                      lambda: torch.inference_mode(other=1), lambda: torch.no_grad()(1),
                      lambda: torch.no_grad()(mode=1)):
            with self.assertRaises(TypeError):
                wrong()

    def test_a_subclass_is_a_mode_too(self):
        class Quiet(torch.no_grad):
            pass

        with Quiet():
            self.assertEqual(pair(), NO_GRAD)
        self.assertEqual(repr(torch.inference_mode(False)), "inference_mode(False)")


class Decorators(unittest.TestCase):
    def test_functions(self):
        @torch.inference_mode()
        def first(a, *, b):
            """Its own text."""
            return a, b, pair()

        @torch.no_grad
        def second():
            return pair()

        @torch.inference_mode
        def third():
            return pair()

        @torch.set_grad_enabled(False)
        def fourth(depth):
            return fourth(depth - 1) if depth else pair()

        self.assertEqual(first(1, b=2), (1, 2, INFERENCE))
        self.assertEqual((first.__name__, first.__doc__), ("first", "Its own text."))
        self.assertEqual((second(), third(), fourth(30)), (NO_GRAD, INFERENCE, NO_GRAD))
        self.assertEqual(pair(), NORMAL)

    def test_methods(self):
        class Net:
            @torch.inference_mode()
            def run(self, x):
                return x * 2

        self.assertTrue(Net().run(torch.ones(1)).is_inference())

    def test_a_decorated_generator_runs_in_its_mode_and_leaves_the_callers(self):
        closed = []

        @torch.no_grad()
        def numbers():
            try:
                got = yield pair()
                while True:
                    try:
                        got = yield got, pair()
                    except KeyError as error:
                        got = repr(error)
                    if got == "end":
                        return pair()
            finally:
                closed.append(pair())

        generator = numbers()
        self.assertEqual(next(generator), NO_GRAD)
        self.assertEqual(pair(), NORMAL)
        self.assertEqual(generator.send(5), (5, NO_GRAD))
        with torch.enable_grad():
            self.assertEqual(generator.throw(KeyError("k")), ("KeyError('k')", NO_GRAD))
            self.assertEqual(pair(), NORMAL)
        with self.assertRaises(StopIteration) as end:
            generator.send("end")
        self.assertEqual(end.exception.value, NO_GRAD)
        self.assertEqual(pair(), NORMAL)
        other = numbers()
        next(other)
        other.close()
        self.assertEqual(closed, [NO_GRAD, NO_GRAD])
        self.assertEqual(pair(), NORMAL)

    def test_a_with_in_a_plain_generator_shows_outside_as_in_pytorch(self):
        def leaking():
            with torch.no_grad():
                yield pair()

        generator = leaking()
        self.assertEqual(next(generator), NO_GRAD)
        self.assertEqual(pair(), NO_GRAD)
        generator.close()
        self.assertEqual(pair(), NORMAL)

    def test_coroutines_and_asynchronous_generators(self):
        @torch.inference_mode()
        async def one():
            await asyncio.sleep(0)
            return pair()

        @torch.no_grad()
        async def many():
            for _ in range(3):
                await asyncio.sleep(0)
                yield pair()

        async def main():
            self.assertEqual(await one(), INFERENCE)
            async for inside in many():
                self.assertEqual(inside, NO_GRAD)
                self.assertEqual(pair(), NORMAL)
            return pair()

        self.assertEqual(asyncio.run(main()), NORMAL)


class Threads(unittest.TestCase):
    def test_a_new_thread_starts_in_normal_mode(self):
        seen = []
        with torch.inference_mode():
            thread = threading.Thread(target=lambda: seen.append(pair()))
            thread.start()
            thread.join()
        self.assertEqual(seen, [NORMAL])

    def test_threads_do_not_see_each_others_modes(self):
        wrong = []
        barrier = threading.Barrier(4)

        def work(number):
            inside = INFERENCE if number % 2 else NO_GRAD
            manager = torch.inference_mode if number % 2 else torch.no_grad
            barrier.wait()
            for _ in range(2000):
                with manager():
                    if pair() != inside:
                        wrong.append(number)
                if pair() != NORMAL:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_context_takes_its_modes_to_another_thread(self):
        with torch.inference_mode():
            context = contextvars.copy_context()
        seen = []
        thread = threading.Thread(target=lambda: (seen.append(pair()), seen.append(context.run(pair)),
                                                  seen.append(pair())))
        thread.start()
        thread.join()
        self.assertEqual(seen, [NORMAL, INFERENCE, NORMAL])
        self.assertEqual(pair(), NORMAL)


class Tasks(unittest.TestCase):
    def test_a_thousand_tasks_keep_their_own_modes(self):
        """Half of them in inference mode; a part deeper than one word carries."""
        wrong = []

        async def task(number):
            choice = random.Random(number)
            inference = number % 2 == 0
            expected = INFERENCE if inference else NORMAL
            with contextlib.ExitStack() as stack:
                if inference:
                    for _ in range(20 if number % 100 == 0 else 1):
                        stack.enter_context(torch.inference_mode())
                x = torch.ones(2, requires_grad=not inference)
                for _ in range(10):
                    await asyncio.sleep(0)
                    if pair() != expected or (x * 2).is_inference() != inference:
                        wrong.append(number)
                    if choice.random() < 0.3:
                        with torch.enable_grad():
                            await asyncio.sleep(0)
                            if pair() != (True, inference):
                                wrong.append(number)
                    if choice.random() < 0.1:
                        try:
                            (torch.ones(2) + torch.ones(3))
                        except torch.Error as error:
                            await asyncio.sleep(0)
                            if "2" not in str(error):
                                wrong.append(number)
            if pair() != NORMAL:
                wrong.append(number)

        async def main():
            await asyncio.gather(*(task(i) for i in range(1000)))

        asyncio.run(main())
        self.assertEqual(wrong, [])
        self.assertEqual(pair(), NORMAL)

    def test_a_task_starts_in_its_makers_modes(self):
        async def inner(expected):
            self.assertEqual(pair(), expected)
            with torch.enable_grad():
                await asyncio.sleep(0)

        async def main():
            with torch.inference_mode():
                first = asyncio.create_task(inner(INFERENCE))
            second = asyncio.create_task(inner(NORMAL))
            with torch.no_grad():
                third = asyncio.create_task(inner(NO_GRAD))
                await first
                self.assertEqual(pair(), NO_GRAD)
                await asyncio.gather(second, third)
                self.assertEqual(await asyncio.to_thread(pair), NO_GRAD)
            self.assertEqual(pair(), NORMAL)

        asyncio.run(main())
        with torch.no_grad():
            asyncio.run(inner(NO_GRAD))

    def test_a_mode_that_a_callback_enters_is_not_taken_for_its_tasks(self):
        def hook(gradient):
            with torch.no_grad():  # a step that the task takes below too, from another state
                inside.append(pair())
            inside.append(pair())

        inside = []
        x = torch.ones(2, requires_grad=True)
        x.register_hook(hook)

        async def other():
            for _ in range(3):
                with torch.inference_mode():
                    await asyncio.sleep(0)

        async def main():
            task = asyncio.create_task(other())
            with torch.enable_grad():
                x.sum().backward()
                with torch.no_grad():
                    await asyncio.sleep(0)
                    self.assertEqual(pair(), NO_GRAD)
                self.assertEqual(pair(), NORMAL)
                await asyncio.sleep(0)
                self.assertEqual(pair(), NORMAL)
            await task

        asyncio.run(main())
        self.assertEqual(inside, [NO_GRAD, NO_GRAD])

    def test_modes_entered_before_asyncio_was_imported_hold_in_it(self):
        """A program that imports asyncio late: in a process of its own."""
        program = """if True:
            import sys
            import tapegrad as torch
            assert "contextvars" not in sys.modules
            pair = lambda: (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
            with torch.inference_mode():
                import asyncio
                async def leave():
                    with torch.inference_mode(False):
                        await asyncio.sleep(0)
                        assert pair() == (True, False)
                async def stay():
                    for _ in range(3):
                        assert pair() == (False, True)
                        await asyncio.sleep(0)
                async def main():
                    await asyncio.gather(leave(), stay(), leave())
                asyncio.run(main())
                assert pair() == (False, True)
            assert pair() == (True, False)
            print("held")
        """
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        self.assertEqual((run.stdout, run.stderr), ("held\n", ""))

    def test_the_word_of_the_modes_can_be_carried_by_hand(self):
        with torch.no_grad():
            word = torch.state_get()
        previous = torch.state_set(word)
        self.assertEqual(pair(), NO_GRAD)
        torch.state_set(previous)
        self.assertEqual(pair(), NORMAL)

    def test_no_int_or_manager_is_left_behind(self):
        with torch.no_grad():
            pass
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(1000):
            with torch.no_grad():
                pass
        self.assertLess(len(gc.get_objects()) - before, 50)


if __name__ == "__main__":
    unittest.main()
