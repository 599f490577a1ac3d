"""How does the compiler turn a kernel into machine code in half of the time that numba takes by itself?

Input: a kernel that `compiled` hands to numba.
Output: the same machine code, but for what optimisation makes of it: numbers agree to the last bit.
Protocol section: none.
Method: numba is made for arrays, closures and objects; a kernel is loops over numbers. Types that were worked out once
are remembered; an element of an array is its address, counted from the beginning, where numba describes the whole
array at each access and asks whether to count from the end; a constant of a module is a number, and so is what an
array is known to hold; what kernels call is optimised once, with its caller. A kernel that makes arrays goes numba's
own way, with the same shortcuts where they hold.
Next: `compiled`.
"""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from types import BuiltinFunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numba

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KNOWN", "MIN_MAX", "Called", "Outlined", "Whole"]

# numba does not say the types of what it is made of
_numba: Any = numba
errors, ir, types = _numba.core.errors, _numba.core.ir, _numba.core.types
compiler, machinery = _numba.core.compiler, _numba.core.compiler_machinery
build_definitions, dead_branch_prune = (
    _numba.core.ir_utils.build_definitions,
    _numba.core.analysis.dead_branch_prune,
)
inference, typed, untyped = _numba.core.typeinfer, _numba.core.typed_passes, _numba.core.untyped_passes
alloca_once, ssa = _numba.core.cgutils.alloca_once, _numba.core.ssa
_PACKAGE: Final = __name__.split(".")[0] + "."
KNOWN: Final = "_KNOWN_PLACES"
"""Under this name a kernel's globals hold what numbers stand in its arrays: {argument: {place: number}}."""
_DATA, _SHAPE = 4, 5  # places in numba's description of an array
_SIMPLE: Final = ir.Assign, ir.SetItem, ir.Branch, ir.Jump, ir.Return
_RARE: Final = {"build_list", "build_map", "dummy"}
_PLAIN: Final = {int, bool, type, BuiltinFunctionType}  # of constants whose type follows from the value


def _choice(comparison: Any) -> Any:
    """Make an intrinsic of two numbers that gives the second where the comparison with the first holds."""

    def chosen(context: Any, first: Any, second: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _numba.cpython.builtins.do_minmax(context, builder, signature.args, arguments, comparison)

        return _numba.core.typing.signature(context.unify_types(first, second), first, second), write

    return _numba.extending.intrinsic(chosen)


MIN_MAX: Final[dict[str, Any]] = {"min": _choice(operator.lt), "max": _choice(operator.gt)}
"""Python's `min` and `max` of two numbers as two instructions; numba compiles a function for each pair of types."""


class _Collecting(_numba.core.codegen.JITCodeLibrary):
    """Code that takes in what the kernels that it calls have collected."""

    def add_linking_library(self, library: Any) -> None:
        for part in (library, *getattr(library, "collected", ())):
            if part not in self._linking_libraries:
                super().add_linking_library(part)


class _Part(_Collecting):
    """What a kernel gives to those that call it: it is neither optimised nor turned into machine code alone."""

    codegen = SimpleNamespace(set_env=lambda *_: None)
    outlined = False

    @property
    def collected(self) -> list[Any]:
        """What it takes in."""
        return self._linking_libraries

    def _optimize_functions(self, ll_module: Any) -> None: ...

    def finalize(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == "external":
                function.linkage = "linkonce_odr"
        self._finalize_dynamic_globals()
        self._finalized = True
        self._shared_module = self._final_module

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 - nobody calls it
        self._ensure_finalized()
        return 0


class _Entire(_Collecting):
    """All code of a kernel that makes no arrays: what others gave to it is its own, and optimised with it, once."""

    def _optimize_functions(self, ll_module: Any) -> None: ...

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == "linkonce_odr":
                function.linkage = "internal"
        codegen: Any = self._codegen
        # outside of loops nothing in kernels fills a vector: the search for it changes no instruction
        manager, builder = codegen._module_pass_manager(slp_vectorize=False)  # noqa: SLF001 - numba's own way
        manager.run(self._final_module, builder)


class _Remembering:
    """Numba's context of types, which works the type of a call of a builtin out once."""

    found: Final[dict[Any, Any]] = {}

    def __init__(self, context: Any) -> None:
        self._context = context

    def resolve_value_type(self, value: Any) -> Any:
        """Find the type of a constant."""
        if type(value) not in _PLAIN:
            return self._context.resolve_value_type(value)
        key = type(value), value
        if key not in self.found:
            self.found[key] = self._context.resolve_value_type(value)
        return self.found[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        operation = getattr(getattr(func, "typing_key", func), "__module__", None) == "_operator"
        if kws or not (operation or isinstance(func, types.Function)):
            return self._context.resolve_function_type(func, args, kws)
        key = func, self._plain(args) if operation else tuple(args)
        if key not in self.found:
            self.found[key] = self._context.resolve_function_type(*key, kws)
        return self.found[key]

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        key = self._plain((target, index, value))
        if key not in self.found:
            self.found[key] = self._context.resolve_setitem(*key)
        return self.found[key]

    @staticmethod
    def _plain(kinds: Any) -> tuple[Any, ...]:
        """Take constants for numbers, where an operation is one of numbers and arrays."""
        if all(isinstance(kind, types.Number | types.Array) for kind in kinds):
            return tuple(types.unliteral(kind) for kind in kinds)
        return tuple(kinds)


class _Reader(_numba.core.interpreter.Interpreter):
    """Reads Python's code."""

    def post_process(self, peepholes: Any, func_ir: Any) -> Any:
        """Leave out the search for what only calls with stars, dicts, `with` and `try` bring."""
        for block in func_ir.blocks.values():
            for statement in block.body:
                if not isinstance(statement, _SIMPLE):
                    return super().post_process(peepholes, func_ir)
                value: Any = getattr(statement, "value", None)
                if isinstance(value, ir.Expr) and (
                    value.op in _RARE or (value.op == "call" and (value.vararg or value.varkwarg))
                ):
                    return super().post_process(peepholes, func_ir)
        return func_ir


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Reading(machinery.FunctionPass):
    _name = "pnstrial_reading"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Read Python's code."""
        state.func_ir = _Reader(state.func_id).interpret(state.bc)
        return True


def _mentioned(value: Any) -> Iterator[str]:
    """Give the variables that a part of a constraint may speak of."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, ir.Var):
        yield value.name
    elif isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _mentioned(part)


class _Network(inference.ConstraintNetwork):
    """Constraints, each of which is followed again only where a type that it speaks of has changed since."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: list[list[Any]] = []
        self.followed: dict[int, list[Any]] = {}

    def propagate(self, typeinfer: Any) -> list[Any]:
        """Follow the constraints; numba also filters Python's warnings anew around each."""
        problems: list[Any] = []
        if not self.variables:
            assigned = {
                statement.target.name
                for block in typeinfer.blocks.values()
                for statement in block.find_insts(ir.Assign)
            } | typeinfer.typevars.keys()
            for constraint in self.constraints:
                names = assigned.intersection(_mentioned(list(vars(constraint).values())))
                self.variables.append([typeinfer.typevars[name] for name in names])
        for place, (constraint, variables) in enumerate(zip(self.constraints, self.variables, strict=True)):
            if self.followed.get(place) == [variable.type for variable in variables]:
                continue
            try:
                constraint(typeinfer)
                self.followed[place] = [variable.type for variable in variables]
            except (errors.ForceLiteralArg, errors.TypingError) as problem:
                problems.append(problem)
        return problems


class _Inferer(inference.TypeInferer):
    def typeof_const(self, inst: Any, target: Any, const: Any) -> None:
        """Take a float for one, where numba tries first whether it has a type of its own."""
        if type(const) is float:
            self.add_type(target.name, types.float64, loc=inst.loc)
        else:
            super().typeof_const(inst, target, const)


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Versions(machinery.FunctionPass):
    _name = "pnstrial_versions"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Give each assignment of a variable a name of its own, as numba does, but look only where the variable is."""
        code = state.func_ir
        blocks = _numba.core.transforms.canonicalize_cfg(code.blocks)
        graph = ssa.compute_cfg_from_blocks(blocks)
        frontiers, variables = ssa._iterated_domfronts(graph), ssa._CacheListVars()  # noqa: SLF001
        places: dict[str, set[int]] = {}
        for label, block in blocks.items():
            for statement in block.body:
                for variable in statement.list_vars():
                    places.setdefault(variable.name, set()).add(label)
        for name in ssa._find_defs_violators(blocks, graph):  # noqa: SLF001
            part = {label: blocks[label] for label in blocks if label in places[name]}
            part, defined = ssa._fresh_vars(part, name)  # noqa: SLF001
            joined: dict[int, list[Any]] = defaultdict(list)
            states = {
                "scope": code.blocks[min(blocks)].scope, "varname": name, "defmap": defined, "phimap": joined,
                "cfg": graph,
                "phi_locations": ssa._compute_phi_locations(frontiers, defined),  # noqa: SLF001
            }  # fmt: skip
            blocks |= ssa._run_block_rewrite(part, states, ssa._FixSSAVars(variables))  # noqa: SLF001
            for label, phis in joined.items():
                blocks[label].body[:0] = phis
        code.blocks, code.generator_info = blocks, None
        return True


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Typing(machinery.FunctionPass):
    _name = "pnstrial_typing"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Find the types."""
        context = state.typingctx
        inferer: Any = _Inferer(
            _Remembering(context), state.func_ir, errors.WarningsFixer(errors.NumbaWarning)
        )
        inferer.constraints = _Network()
        with context.callstack.register(state.targetctx.target, inferer, state.func_id, state.args):
            for index, (name, kind) in enumerate(zip(state.func_ir.arg_names, state.args, strict=True)):
                inferer.seed_argument(name, index, kind)
            inferer.build_constraint()
            inferer.propagate()
            state.typemap, state.return_type, state.calltypes = inferer.unify()
        return True


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Joining(machinery.FunctionPass):
    _name = "pnstrial_joining"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Assign the versions of a variable that meet to one of them."""
        state.func_ir = typed.PreLowerStripPhis()._strip_phi_nodes(state.func_ir)  # noqa: SLF001 - numba's own way
        return True


@machinery.register_pass(mutates_CFG=False, analysis_only=False)
class _Constants(machinery.FunctionPass):
    _name = "pnstrial_constants"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Write the constants of the package's modules as such, and a size of an array without a tuple.

        So are the numbers that arrays are known to hold (`Kernel.knowing`).
        """
        known: dict[str, dict[int, int]] = state.func_id.func.__globals__.get(KNOWN, {})
        modules: dict[str, ModuleType] = {}
        numbers: dict[str, Any] = {}
        shapes: set[str] = set()
        for block in state.func_ir.blocks.values():
            body: list[Any] = []
            for statement in block.body:
                body.append(statement)
                if not isinstance(statement, ir.Assign):
                    continue
                target, value = statement.target.name, statement.value
                operation = value.op if isinstance(value, ir.Expr) else None
                if isinstance(value, ir.Global) and isinstance(value.value, ModuleType):
                    if value.value.__name__.startswith(_PACKAGE) and statement.target.is_temp:
                        modules[target] = value.value
                        body.pop()
                elif isinstance(value, ir.Const):
                    numbers[target] = value.value
                elif operation == "getattr" and value.value.name in modules:
                    numbers[target] = getattr(modules[value.value.name], value.attr)
                    statement.value = ir.Global(value.attr, numbers[target], value.loc)
                elif operation == "getattr" and value.attr == "shape":
                    shapes.add(target)
                elif operation == "getitem" and value.index.name in numbers:
                    index, held = numbers[value.index.name], numbers.get(value.value.name)
                    held = known.get(value.value.name, {}) if held is None else held
                    if value.value.name in shapes:
                        statement.value = ir.Expr.static_getitem(value.value, index, value.index, value.loc)
                    elif isinstance(held, tuple) or (isinstance(held, dict) and index in held):
                        statement.value = ir.Const(held[index], value.loc)
            block.body = body
        return True


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Pruning(machinery.FunctionPass):
    _name = "pnstrial_pruning"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Leave the branches out that a known number rules out."""
        if KNOWN not in state.func_id.func.__globals__:
            return False
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)  # noqa: SLF001 - numba's own way
        dead_branch_prune(state.func_ir, state.args)
        return True


class _Writer(_numba.core.lowering.Lower):
    """Writes numba's intermediate code as that of LLVM."""

    _disable_sroa_like_opt = False
    writing: Final[dict[Any, Any]] = {}

    def _find_singly_assigned_variable(self) -> None:
        if self.context.enable_nrt:
            super()._find_singly_assigned_variable()
            return
        # a variable that is set once, before it is used, is a value; it needs no place in memory
        assigned: Counter[str] = Counter()
        begins: dict[str, int] = {}
        earliest: dict[str, int] = {}
        for label, block in self.blocks.items():
            for statement in block.body:
                if isinstance(statement, ir.Assign):
                    assigned[statement.target.name] += 1
                    begins[statement.target.name] = label
                for variable in statement.list_vars():
                    earliest[variable.name] = min(label, earliest.get(variable.name, label))
        self._blk_local_varmap = {}
        self._singly_assigned_vars = {
            name for name, count in assigned.items() if count == 1 and earliest[name] >= begins[name]
        }

    def pre_lower(self) -> None:
        super().pre_lower()
        if getattr(self.library, "outlined", False):
            self.function.attributes.add("noinline")

    def _element(self, array: Any, index: Any) -> Any:
        """Give the address of an element of an array of numbers; None where it is anything else."""
        kind, given = self.typeof(array.name), self.typeof(index.name)
        parts = given.types if isinstance(given, types.BaseTuple) else (given,)
        if not (
            isinstance(kind, types.Array)
            and kind.layout == "C"
            and kind.aligned
            and isinstance(kind.dtype, types.Integer | types.Float)
            and len(parts) == kind.ndim
            and all(isinstance(part, types.Integer) for part in parts)
        ):
            return None
        builder, context = self.builder, self.context
        described, index_value = self.loadvar(array.name), self.loadvar(index.name)
        place = None
        for axis, part in enumerate(parts):
            literal = part.literal_value if isinstance(part, types.Literal) else None
            if literal is not None:
                own = context.get_constant(types.intp, literal)
            else:
                own = builder.extract_value(index_value, axis) if parts[0] is not given else index_value
                own = context.cast(builder, own, part, types.intp if part.signed else types.uintp)
            if literal is not None and literal < 0:
                size = builder.extract_value(described, (_SHAPE, axis))
                behind = builder.icmp_signed("<", own, own.type(0))
                own = builder.select(behind, builder.add(size, own), own)
            if place is None:
                place = own
            else:
                size = builder.extract_value(described, (_SHAPE, axis))
                place = builder.add(builder.mul(place, size), own)
        return builder.gep(builder.extract_value(described, _DATA), [place])

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        if expr.op in ("getitem", "static_getitem"):
            index = expr.index if expr.op == "getitem" else expr.index_var
            place = self._element(expr.value, index) if index is not None else None
            if place is not None:
                kind = self.typeof(expr.value.name).dtype
                found = self.context.unpack_value(self.builder, kind, place)
                return self.context.cast(self.builder, found, kind, resty)
        return super().lower_expr(resty, expr)

    def lower_setitem(self, target_var: Any, index_var: Any, value_var: Any, signature: Any) -> Any:
        place = self._element(target_var, index_var)
        if place is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        kind, context, builder = self.typeof(target_var.name).dtype, self.context, self.builder
        value = context.cast(builder, self.loadvar(value_var.name), self.typeof(value_var.name), kind)
        return context.pack_value(builder, kind, value, place)

    def lower_block(self, block: Any) -> None:
        if self.context.enable_nrt:
            super().lower_block(block)
            return
        for statement in block.body:
            self.loc = statement.loc
            self.lower_inst(statement)

    def lower_inst(self, inst: Any) -> Any:
        if isinstance(inst, ir.StaticSetItem) and isinstance(self.typeof(inst.target.name), types.Array):
            return self.lower_setitem(inst.target, inst.index_var, inst.value, self.fndesc.calltypes[inst])
        if self.context.enable_nrt or not isinstance(inst, ir.Assign):
            return super().lower_inst(inst)
        name = inst.target.name
        value = self.lower_assign(self.typeof(name), inst)
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))
        return None

    def loadvar(self, name: str) -> Any:
        value = self._blk_local_varmap.get(name)
        return self.builder.load(self.getvar(name)) if value is None else value

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:  # noqa: ARG002 - numba's own way
        return alloca_once(self.builder, lltype, name=name)

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        """Write an operation of two values; numba tries first whether there is one for constants, as for powers."""
        if op in (operator.pow, operator.ipow):
            return super().lower_binop(resty, expr, op)
        context, builder, wanted = self.context, self.builder, self.fndesc.calltypes[expr]
        sides = [
            context.cast(builder, self.loadvar(side.name), self.typeof(side.name), kind)
            for side, kind in zip((expr.lhs, expr.rhs), wanted.args, strict=True)
        ]
        remembering = _Remembering(context.typing_context)
        work = remembering.resolve_value_type(op)
        chosen = remembering.resolve_function_type(work, wanted.args, {})
        write = self._written(work, chosen)
        return context.cast(builder, write(builder, sides), wanted.return_type, resty)

    def _written(self, work: Any, signature: Any) -> Any:
        """Give what writes an operation; numba looks anew each time at what arguments its own functions take."""
        key = work, signature
        if key not in self.writing:
            self.writing[key] = self.context.get_function(work, signature)
        found = self.writing[key]
        again = object.__new__(type(found))
        again.__dict__ |= found.__dict__ | {"_context": self.context}
        return again


@machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _Writing(typed.BaseNativeLowering):
    _name = "pnstrial_writing"

    def __init__(self) -> None:
        super().__init__()

    @property
    def lowering_class(self) -> type:
        """The class that writes."""
        return _Writer


class _Short(compiler.Compiler):
    """Compiles with the steps that a kernel needs."""

    def define_pipelines(self) -> list[Any]:
        """List the steps."""
        state: Any = self.state
        if state.flags.nrt:
            manager = compiler.DefaultPassBuilder.define_nopython_pipeline(state)
            changed: Any = {typed.NopythonTypeInference: _Typing, typed.NativeLowering: _Writing}
            manager.passes = [
                (changed.get(step, step), name)
                for step, name in manager.passes
                if step is not typed.AnnotateTypes
            ]
        else:
            manager = machinery.PassManager("kernel")
            for step in (
                _Reading, untyped.FixupArgs, _Constants, _Pruning, _Versions, _Typing, _Joining,
                _Writing, typed.NoPythonBackend,
            ):  # fmt: skip
                manager.add_pass(step)
        manager.finalize()
        return [manager]


class Whole(_Short):
    """Compiles a kernel for Python."""

    def compile_extra(self, func: Any) -> Any:
        """Compile all of it."""
        state: Any = self.state
        library = _Collecting if state.flags.nrt else _Entire
        state.library = library(state.targetctx.codegen(), func.__qualname__)
        state.library.enable_object_caching()
        return super().compile_extra(func)


class Called(_Short):
    """Compiles a kernel for those that call it, up to the code that they take in."""

    outlined = False

    def compile_extra(self, func: Any) -> Any:
        """Compile a part."""
        state: Any = self.state
        state.library = _Part(state.targetctx.codegen(), func.__qualname__)
        state.library.outlined = self.outlined
        return super().compile_extra(func)


class Outlined(Called):
    """The same for one that is called and never written into its caller."""

    outlined = True
