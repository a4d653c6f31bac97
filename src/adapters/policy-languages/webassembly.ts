/** TypeScript has the types of WebAssembly only together with those of browsers; these are the ones that are used here. */
declare global {
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array<ArrayBuffer>);
      static imports(module: Module): readonly { readonly module: string; readonly name: string }[];
    }
    class Instance {
      constructor(module: Module, imports: Imports);
      readonly exports: Readonly<Record<string, unknown>>;
    }
    class Memory {
      constructor(limits: { readonly initial: number });
      readonly buffer: ArrayBuffer;
    }
    class RuntimeError extends Error {}
    type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }
}

export {};
