import '@angular/compiler';
import { DOCUMENT, type EnvironmentProviders } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { BrowserTestingModule, platformBrowserTesting } from '@angular/platform-browser/testing';

// Test files of one process share Angular, but not this module.
TestBed.resetTestEnvironment();
TestBed.initTestEnvironment(BrowserTestingModule, platformBrowserTesting());

// What is tested here renders nothing: a page with nothing on it does.
const empty = { querySelector: () => null, querySelectorAll: () => [] };
const page = { ...empty, head: empty, body: empty };

/** Starts an application without components. */
export function startApp(...providers: EnvironmentProviders[]): void {
  TestBed.configureTestingModule({ providers: [{ provide: DOCUMENT, useValue: page }, ...providers] });
}

export { TestBed };
