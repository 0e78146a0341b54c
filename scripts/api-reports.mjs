/**
 * The public API of every package as a text, packages/<name>/etc/<name>.api.md: what a change of it means for users is seen in
 * its diff. `npm run api` writes them; with `--check` it fails when one isn't what the build says. Needs a build; `npm run api`
 * makes one.
 */
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { Failed, main, publicPackages, root, say, temporaryFolder } from './support.mjs';

const check = process.argv.includes('--check');
const temporary = temporaryFolder('api');

const entryOf = (dir) => join(dir, 'dist', 'index.d.ts');
const silent = { logLevel: 'none' };
const loud = { logLevel: 'error' };

const configOf = ({ dir }) =>
  ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(dir, 'package.json'),
    configObject: {
      projectFolder: dir,
      mainEntryPointFilePath: entryOf(dir),
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: join(dir, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        reportFileName: '<unscopedPackageName>',
        reportFolder: join(dir, 'etc'),
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: loud },
        // one that a user meets in a signature and can't name is an error; all that is exported is public
        extractorMessageReporting: { default: loud, 'ae-undocumented': silent, 'ae-missing-release-tag': silent },
        // doc comments are read by typedoc
        tsdocMessageReporting: { default: silent },
      },
    },
  });

/** One compilation for all packages: it is what takes the time. */
let compilerState;

function report(one, others) {
  const config = configOf(one);
  if (!check) mkdirSync(config.reportFolder, { recursive: true });
  compilerState ??= CompilerState.create(config, { additionalEntryPoints: others.map(({ dir }) => entryOf(dir)) });
  const wrong = [];
  const { apiReportChanged } = Extractor.invoke(config, {
    compilerState,
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = true;
      // what it says on the console is that a report has changed, which is said below
      if (message.category !== 'console' && message.logLevel === 'error')
        wrong.push(message.formatMessageWithLocation(root));
    },
  });
  if (wrong.length > 0) throw new Failed([`${one.manifest.name}: its public API is wrong`, ...wrong].join('\n'));
  return apiReportChanged;
}

await main(() => {
  const packages = publicPackages();
  const changed = packages.filter((one) => report(one, packages));
  const files = changed.map(({ dir, folder }) => relative(root, join(dir, 'etc', `${folder}.api.md`)));
  if (check && files.length > 0)
    throw new Failed(`the public API differs from its report: ${files.join(', ')}\nrun: npm run api, and commit it`);
  say(files.length > 0 ? `written: ${files.join(', ')}` : `${packages.length} API reports are what the build says`);
});
