# SPDX-License-Identifier: MIT
"""Conan's recipe: `conan create packaging/conan` (tests/package/conan.sh does it in a clean home).

Highway, libffi and Python come from the system's packages; with
`-c tools.system.package_manager:mode=install` Conan installs them where they are missing.
"""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rm, rmdir
from conan.tools.system.package_manager import Apt


class Tapegrad(ConanFile):
    name = "tapegrad"
    license = "MIT"
    description = "Tensors, tape autograd and inference mode behind a C ABI"
    topics = ("tensor", "autograd", "machine-learning")
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def _root(self):
        return os.path.normpath(os.path.join(self.recipe_folder, "..", ".."))

    def set_version(self):
        text = load(self, os.path.join(self._root(), "CMakeLists.txt"))
        self.version = re.search(r"^ *VERSION ([0-9.]+)$", text, re.MULTILINE).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*", "capi/*",
                        "api/api.json", "scripts/call_table"):
            copy(self, pattern, self._root(), self.export_sources_folder)

    def system_requirements(self):
        Apt(self).install(["libhwy-dev", "libffi-dev", "python3"], check=True)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["BUILD_TESTING"] = "OFF"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        # Both libraries are built; the package holds the one that was asked for. Conan writes its
        # own files for CMake and pkg-config.
        lib = os.path.join(self.package_folder, "lib")
        rm(self, "*.a" if self.options.shared else "*.so*", lib)
        for folder in ("cmake", "pkgconfig"):
            rmdir(self, os.path.join(lib, folder))

    def package_info(self):
        self.cpp_info.libs = ["tapegrad"]
        self.cpp_info.set_property("cmake_target_name", "tapegrad::tapegrad")
        if not self.options.shared:
            self.cpp_info.system_libs = ["ffi", "stdc++", "m", "dl", "pthread"]
