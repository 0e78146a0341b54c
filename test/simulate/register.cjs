'use strict';
/**
 * Runs TypeScript from its sources, as Jest does: `@tidemark/x` is `packages/x/src` of this copy of the repository, so a mutant
 * needs no build. `node -r ./test/simulate/register.cjs …`
 */
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { transformSync } = require('@swc/core');

const root = join(__dirname, '../..');
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const [, name] = /^@tidemark\/([^/]+)$/.exec(request) ?? [];
  return resolve.call(this, name === undefined ? request : join(root, 'packages', name, 'src', 'index.ts'), ...rest);
};
require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};
